import type { SessionQuestion } from '../wire.ts';
import { api, messageOf, RefusedError } from './api.ts';
import { html, useEffect, useRef, useState } from './preact.js';

/** Asks for the password, where berth does. */
export function LogIn({ onLoggedIn }: { onLoggedIn: () => void }) {
  const [problem, setProblem] = useState('');
  const [isAsking, setAsking] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const enter = async () => {
      const { asksPassword } = await api.json<SessionQuestion>('/ui/session');
      if (asksPassword) return;
      await api.logIn('', '');
      onLoggedIn();
    };
    enter().catch((error: unknown) => setProblem(messageOf(error)));
  }, []);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (isAsking) return;
    const form = new FormData(event.currentTarget as HTMLFormElement);
    setAsking(true);
    try {
      await api.logIn(form.get('user') as string, form.get('password') as string);
      onLoggedIn();
    } catch (error) {
      const isWrong = error instanceof RefusedError && error.status === 401;
      setProblem(isWrong ? 'That is not the user or not the password.' : messageOf(error));
      setAsking(false);
      field.current?.select();
    }
  };
  return html`<main class="log-in">
    <h1>berth</h1>
    <p>OpenFaaS functions on this host</p>
    <form onSubmit=${submit}>
      <label>User <input name="user" autocomplete="username" value="admin" required /></label>
      <label>
        Password
        <input ref=${field} name="password" type="password" autocomplete="current-password" required autofocus />
      </label>
      <button class="primary" aria-disabled=${isAsking}>Log in</button>
      ${problem && html`<p class="problem" role="alert">${problem}</p>`}
    </form>
    <p class="hint">
      The installer printed the password. On the host: <code>sudo cat /etc/berth/auth/basic-auth-password</code>
    </p>
  </main>`;
}
