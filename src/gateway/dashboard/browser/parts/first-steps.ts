import { html } from '../preact.js';
import { Command } from './command.ts';

/** What to do on a host that has no function yet. */
export function FirstSteps() {
  const gateway = `http://${location.hostname}:8080`;
  return html`<section class="card">
    <h2>No function yet</h2>
    <p>A function is a container image that answers HTTP. Deploy one, and it is listed here.</p>
    <p><a class="button primary" href="#/deploy">Deploy a function</a></p>
    <h3>Or by faas-cli, on your own computer</h3>
    <${Command} text=${`export OPENFAAS_URL=${gateway}`} />
    <${Command}
      text=${`ssh ${location.hostname} sudo cat /etc/berth/auth/basic-auth-password | faas-cli login --password-stdin`}
    />
    <${Command} text="faas-cli store deploy figlet" />
    <${Command} text="echo hello | faas-cli invoke figlet" />
  </section>`;
}
