import { api } from './api.ts';
import { useLive } from './live.ts';
import { AsyncPage } from './pages/async.ts';
import { DeployPage } from './pages/deploy.ts';
import { EventsPage } from './pages/events.ts';
import { FunctionPage } from './pages/function.ts';
import { OverviewPage } from './pages/overview.ts';
import { SecretsPage } from './pages/secrets.ts';
import { html, useEffect } from './preact.js';
import { linkTo, useRoute } from './router.ts';
import { shownText } from './shown-text.ts';

/** The places of the page, and the optional verb that each is about. */
const places: { path: string; title: string; verb?: string }[] = [
  { path: '', title: 'Functions' },
  { path: 'deploy', title: 'Deploy' },
  { path: 'async', title: 'Async', verb: 'asyncCalls' },
  { path: 'secrets', title: 'Secrets', verb: 'secrets' },
  { path: 'events', title: 'Events' },
];

/** What is around each page: where one can go, and whether what is shown is of now. */
export function Shell() {
  const [place = '', ...rest] = useRoute();
  const { isLost } = useLive();
  const title = places.find(({ path }) => path === place)?.title ?? shownText(rest[1] ?? 'berth');
  useEffect(() => {
    document.title = `${title} · berth`;
    document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
  }, [title]);
  return html`<header class="top">
      <a class="skip" href="#main" onClick=${skipToMain}>To the content</a>
      <a class="brand" href="#/">berth</a>
      <${Places} place=${place} />
      <button class="quiet" onClick=${() => void api.logOut()}>Log out</button>
    </header>
    <div role="status" class="connection">
      ${isLost && html`<p class="warning">The connection to berth is lost. Trying again; what you see is of before.</p>`}
    </div>
    <main id="main" tabindex="-1">${pageOf(place, rest)}</main>`;
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('main')?.focus();
}

function Places({ place }: { place: string }) {
  const live = useLive();
  const shown = places.filter(({ verb }) => verb === undefined || live.can(verb));
  return html`<nav aria-label="Pages">
    ${shown.map(
      ({ path, title }) =>
        html`<a key=${path} href=${linkTo(path)} aria-current=${currentOf(path, place)}>${title}</a>`,
    )}
  </nav>`;
}

/** A function's page is one of the functions. */
function currentOf(path: string, place: string): string | undefined {
  if (path === place) return 'page';
  return path === '' && place === 'function' ? 'true' : undefined;
}

function pageOf(place: string, rest: string[]) {
  const [namespace = '', name = ''] = rest;
  if (place === '') return html`<${OverviewPage} />`;
  if (place === 'function')
    return html`<${FunctionPage} key=${`${name}.${namespace}`} namespace=${namespace} name=${name} />`;
  if (place === 'deploy') return html`<${DeployPage} key=${rest.join('/')} namespace=${namespace} name=${name} />`;
  if (place === 'async') return html`<${AsyncPage} id=${rest[0]} />`;
  if (place === 'secrets') return html`<${SecretsPage} />`;
  if (place === 'events') return html`<${EventsPage} />`;
  return html`<h1>Not here</h1>
    <p>There is no such page. <a href="#/">To the functions</a></p>`;
}
