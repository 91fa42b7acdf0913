import { ProviderError, type Route } from '../provider/index.ts';

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

/** What is answered to anybody, beside functions and their health: a word to who opens the address, 501 for what there is not. */
export const openRoutes: Route[] = [
  {
    method: 'GET',
    path: '/',
    open: true,
    handler(ctx) {
      ctx.body = welcome;
      return Promise.resolve();
    },
  },
  // Who opens it is asked for the password there, and not for one that functions would get as well.
  {
    method: 'GET',
    path: '/system',
    open: true,
    handler(ctx) {
      ctx.redirect('/system/functions');
      return Promise.resolve();
    },
  },
  ...absent.map(([method, path, message]): Route => {
    return { method, path, open: true, rawBody: true, handler: () => Promise.reject(new ProviderError(501, message)) };
  }),
];
