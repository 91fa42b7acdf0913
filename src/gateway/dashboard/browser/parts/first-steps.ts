import { gatewayUrl } from '../gateway-url.ts';
import { html } from '../preact.js';
import { Command } from './command.ts';

/** What to do on a host that has no function yet. */
export function FirstSteps() {
  const { hostname } = location;
  return html`<section class="card">
    <h2>No function yet</h2>
    <p>A function is a container image that answers HTTP on port 8080. Deploy one, and it is listed here.</p>
    <p class="buttons">
      <a class="button primary" href="#/deploy">Deploy a function</a>
      <a class="button" href="#/deploy/nodeinfo">Try nodeinfo, a small one</a>
    </p>
    <h3>Or by faas-cli, on your own computer</h3>
    <${Command} text=${`export OPENFAAS_URL=${gatewayUrl()}`} />
    <${Command}
      text=${`ssh ${hostname} sudo cat /etc/berth/auth/basic-auth-password | faas-cli login --password-stdin`}
    />
    <${Command} text="faas-cli deploy --name nodeinfo --image ghcr.io/openfaas/nodeinfo:latest" />
    <${Command} text="faas-cli invoke nodeinfo </dev/null" />
  </section>`;
}
