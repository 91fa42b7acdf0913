import { originOf, ProviderError, type FaaSContext, type Route, type TrustedProxies } from '../provider/index.ts';

/** What other editions of OpenFaaS have at these addresses, and what to do without it. */
const absent: [method: Route['method'], path: string, message: string][] = [
  [
    'POST',
    '/oauth/token',
    'berth has no exchange of tokens (/oauth/token): log in with the password, by faas-cli login',
  ],
  [
    'GET',
    '/.well-known/openid-configuration',
    'berth has no OpenID Connect discovery: functions cannot use jwt_auth, callers log in with the password',
  ],
  [
    'POST',
    '/build',
    'berth has no function builder (/build): build and push with faas-cli publish, without --remote-builder',
  ],
];

const welcome = `This is berth: OpenFaaS functions on this host.

Call a function:   /function/NAME
Deploy and look:   faas-cli login --gateway URL, with the URL of this page
                   faas-cli list --gateway URL
Is it well:        /healthz
`;

/**
 * Returns what is answered to anybody, beside functions and their health: the way to the dashboard or a word to who opens the
 * address, 501 for what there is not.
 * @param uiPort of the dashboard; 0: there is none
 * @param trustedProxies whose word counts on how a caller came
 */
export function openRoutes(uiPort: number, trustedProxies?: TrustedProxies): Route[] {
  const open = (path: string, act: (ctx: FaaSContext) => void): Route => {
    return { method: 'GET', path, open: true, handler: (ctx) => Promise.resolve(act(ctx)) };
  };
  const pageFor = (ctx: FaaSContext) => pageUrl(ctx, uiPort, trustedProxies);
  return [
    open('/', (ctx) => greet(ctx, pageFor(ctx))),
    open('/ui', (ctx) => greet(ctx, pageFor(ctx))),
    // Who opens it is asked for the password there, and not for one that functions would get as well.
    open('/system', (ctx) => ctx.redirect('/system/functions')),
    ...absent.map(([method, path, message]): Route => {
      const handler = () => Promise.reject(new ProviderError(501, message));
      return { method, path, open: true, rawBody: true, handler };
    }),
  ];
}

/** A browser is led to the dashboard, where there is one. */
function greet(ctx: FaaSContext, page: string | undefined): void {
  ctx.vary('Accept');
  if (page !== undefined && ctx.accepts('text', 'html') === 'html') ctx.redirect(page);
  else ctx.body = page === undefined ? welcome : `${welcome}Dashboard:         ${page}\n`;
}

/** Returns where the dashboard is for a caller: at the name that it has for this host, by the protocol that it came by. */
function pageUrl({ req }: FaaSContext, uiPort: number, trustedProxies?: TrustedProxies): string | undefined {
  const { host, proto } = originOf(req, trustedProxies);
  const found = URL.parse(`${proto === 'https' ? 'https' : 'http'}://${host}/ui/`);
  if (!found?.hostname || uiPort === 0) return undefined;
  found.port = String(uiPort);
  return found.href;
}
