import { api } from './api.ts';
import { live } from './live.ts';
import { LogIn } from './log-in.ts';
import { html, render, useEffect, useState } from './preact.js';
import { Shell } from './shell.ts';

/** The whole page: the password first, then everything else. */
function Page() {
  const [isLoggedIn, setLoggedIn] = useState(api.isLoggedIn);
  useEffect(() => api.onLoggedOut(() => setLoggedIn(false)), []);
  useEffect(() => {
    if (!isLoggedIn) return;
    const leaving = new AbortController();
    void live.run(leaving.signal);
    return () => leaving.abort();
  }, [isLoggedIn]);
  return isLoggedIn ? html`<${Shell} />` : html`<${LogIn} onLoggedIn=${() => setLoggedIn(true)} />`;
}

render(html`<${Page} />`, document.querySelector('#page') ?? document.body);
