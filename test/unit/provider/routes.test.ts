import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { basicAuth, ConfigError, defaultConfig, readCredentials, serve, type Handler } from '../../../src/index.ts';
import { namingHandlers, withServer } from './with-server.ts';

const routes: [method: string, path: string, handler: string][] = [
  ['GET', '/system/functions', 'functionLister'],
  ['POST', '/system/functions', 'deployFunction'],
  ['PUT', '/system/functions', 'updateFunction'],
  ['DELETE', '/system/functions', 'deleteFunction'],
  ['GET', '/system/function/env', 'functionStatus'],
  ['POST', '/system/scale-function/env', 'scaleFunction'],
  ['POST', '/system/rollback-function/env', 'rollBackFunction'],
  ['POST', '/system/restart-function/env', 'restartFunction'],
  ['GET', '/system/function/env/replicas', 'functionReplicas'],
  ['GET', '/system/pulls', 'pulls'],
  ['GET', '/system/host', 'host'],
  ['GET', '/system/secrets', 'secrets'],
  ['POST', '/system/secrets', 'secrets'],
  ['PUT', '/system/secrets', 'secrets'],
  ['DELETE', '/system/secrets', 'secrets'],
  ['GET', '/system/logs', 'logs'],
  ['GET', '/system/namespaces', 'listNamespaces'],
  ['POST', '/system/namespace', 'mutateNamespace'],
  ['POST', '/system/namespace/', 'mutateNamespace'],
  ['GET', '/system/namespace/dev', 'mutateNamespace'],
  ['POST', '/system/namespace/dev', 'mutateNamespace'],
  ['PUT', '/system/namespace/dev', 'mutateNamespace'],
  ['DELETE', '/system/namespace/dev', 'mutateNamespace'],
  ['POST', '/system/namespaces', 'mutateNamespace'],
  ['POST', '/system/namespaces/dev', 'mutateNamespace'],
  ['GET', '/system/namespaces/dev', 'mutateNamespace'],
  ['PUT', '/system/namespaces/dev', 'mutateNamespace'],
  ['DELETE', '/system/namespaces/dev', 'mutateNamespace'],
  ['GET', '/system/info', 'info'],
  ['GET', '/system/telemetry', 'telemetry'],
];

const openRoutes: [method: string, path: string, body: string][] = [
  ['GET', '/healthz', 'health'],
  ['GET', '/function/env', 'functionProxy GET /function/env'],
  ['POST', '/function/env.dev/a%2Fb/../c?x=%20', 'functionProxy POST /function/env.dev/a%2Fb/../c?x=%20'],
  ['PATCH', '/function/env/', 'functionProxy PATCH /function/env/'],
  ['POST', '/async-function/env', 'asyncFunction POST /async-function/env'],
];

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'];

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function withCredentials(run: (secretMountPath: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'basic-auth-'));
  try {
    // With the blanks that editors and templates leave; faas-provider drops them as well.
    await writeFile(join(folder, 'basic-auth-user'), ' admin\n');
    await writeFile(join(folder, 'basic-auth-password'), '\tpass:wörd \r\n\n');
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const [method, path, handler] of routes) {
  test(`${method} ${path} is answered by ${handler}`, async (t) => {
    await withServer(namingHandlers(), {}, async ({ send }) => {
      const { status, body } = await send(method, path);
      t.deepEqual({ status, body }, { status: 200, body: handler });
    });
  });
}

for (const [method, path, body] of openRoutes) {
  test(`${method} ${path} asks for no password and reaches its handler unchanged`, async (t) => {
    await withCredentials((secretMountPath) =>
      withServer(namingHandlers(), { config: { enableBasicAuth: true, secretMountPath } }, async ({ send }) => {
        t.like(await send(method, path), { status: 200, body });
      }),
    );
  });
}

test('every route but the open ones asks for the password, whatever the method', async (t) => {
  const paths = [
    ...new Set(routes.map(([, path]) => path)),
    '/metrics',
    '/system/unknown',
    '/',
    '/function',
    '/ui/',
    '/healthzz',
  ];
  await withCredentials((secretMountPath) =>
    withServer(namingHandlers(), { config: { enableBasicAuth: true, secretMountPath } }, async ({ send }) => {
      for (const path of paths) {
        for (const method of methods) {
          const { status, headers, body } = await send(method, path);
          t.is(status, 401, `${method} ${path}`);
          t.is(headers['www-authenticate'], 'Basic realm="Restricted"');
          t.is(body, method === 'HEAD' ? '' : 'invalid credentials\n');
        }
      }
      for (const method of methods.filter((other) => other !== 'POST')) {
        t.is((await send(method, '/async-function/env')).status, 401, method);
      }
    }),
  );
});

test('the right user and password open every route', async (t) => {
  const headers = { Authorization: basic('admin', 'pass:wörd') };
  await withCredentials((secretMountPath) =>
    withServer(namingHandlers(), { config: { enableBasicAuth: true, secretMountPath } }, async ({ send }) => {
      for (const [method, path, handler] of routes) {
        t.like(await send(method, path, undefined, headers), { status: 200, body: handler }, `${method} ${path}`);
      }
      t.is((await send('GET', '/metrics', undefined, headers)).status, 200);
      t.is((await send('GET', '/system/unknown', undefined, headers)).status, 404);
      t.is((await send('GET', '/async-function/env', undefined, headers)).status, 404);
    }),
  );
});

test('a wrong, broken or absent Authorization is a 401', async (t) => {
  const wrong = [
    basic('admin', 'wrong'),
    basic('root', 'pass:wörd'),
    basic('admin', ''),
    basic('', ''),
    basic('admin', 'pass:wörd '),
    'Bearer',
    'Bearer ',
    'Bearer token',
    'Basic',
    'Basic !!!',
    'Basic YWRtaW4=',
    '',
  ];
  await withCredentials((secretMountPath) =>
    withServer(namingHandlers(), { config: { enableBasicAuth: true, secretMountPath } }, async ({ send }) => {
      for (const Authorization of wrong) {
        t.is((await send('GET', '/system/functions', undefined, { Authorization })).status, 401, Authorization);
      }
    }),
  );
});

test('without basic auth an empty Bearer token is ignored', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    t.is((await send('GET', '/system/functions', undefined, { Authorization: 'Bearer' })).status, 200);
  });
});

test('serve refuses to start with basic auth and no credentials, naming the file', async (t) => {
  const config = { ...defaultConfig, tcpPort: 0, enableBasicAuth: true, secretMountPath: '/nonexistent' };
  const error = await t.throwsAsync(serve(namingHandlers(), config), { instanceOf: ConfigError });
  t.regex(error.message, /\/nonexistent\/basic-auth-(user|password) cannot be read/);
});

test('serve refuses to start with an empty password', async (t) => {
  await withCredentials(async (secretMountPath) => {
    await writeFile(join(secretMountPath, 'basic-auth-password'), '\n');
    const config = { ...defaultConfig, tcpPort: 0, enableBasicAuth: true, secretMountPath };
    await t.throwsAsync(serve(namingHandlers(), config), {
      instanceOf: ConfigError,
      message: /basic-auth-password is empty/,
    });
  });
});

test('serve fails when the port is taken', async (t) => {
  await withServer(namingHandlers(), {}, async ({ port }) => {
    const config = { ...defaultConfig, tcpPort: port, bind: '127.0.0.1' };
    await t.throwsAsync(serve(namingHandlers(), config), { code: 'EADDRINUSE' });
  });
});

test('a handler that is missing answers 501 in one line', async (t) => {
  const { functionProxy } = namingHandlers();
  await withServer({ functionProxy }, {}, async ({ send }) => {
    for (const [method, path, handler] of [
      ...routes,
      ['GET', '/healthz', 'health'],
      ['POST', '/async-function/env', 'asyncFunction'],
    ] as const) {
      t.like(
        await send(method, path),
        { status: 501, body: `this provider does not implement ${handler}\n` },
        `${method} ${path}`,
      );
    }
  });
});

test('a method that a path does not have is a 405 with Allow, an unknown path a 404', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    const patch = await send('PATCH', '/system/functions');
    t.like(patch, { status: 405, body: 'Method Not Allowed\n' });
    t.is(patch.headers.allow, 'HEAD, GET, POST, PUT, DELETE');
    t.is((await send('DELETE', '/system/info')).status, 405);
    t.is((await send('POST', '/healthz')).status, 405);
    t.like(await send('GET', '/system/unknown'), { status: 404, body: 'Not Found\n' });
    t.is((await send('GET', '/SYSTEM/functions')).status, 404);
  });
});

test('HEAD answers as GET without a body, OPTIONS says what is allowed', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    t.like(await send('HEAD', '/healthz'), { status: 200, body: '' });
    t.like(await send('HEAD', '/system/functions'), { status: 200, body: '' });
    const { status, headers } = await send('OPTIONS', '/system/scale-function/env');
    t.is(status, 200);
    t.is(headers.allow, 'POST');
  });
});

test('no spelling of a path is redirected', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    for (const path of ['/system/namespace', '/system/namespace/', '/system/namespace/dev', '/system/namespace/dev/']) {
      t.like(await send('POST', path, { name: 'dev' }), { status: 200, body: 'mutateNamespace' }, path);
    }
    t.like(await send('GET', '/system/functions/'), { status: 200, body: 'functionLister' });
  });
});

test('/healthz is not there when health is off', async (t) => {
  await withServer(namingHandlers(), { config: { enableHealth: false } }, async ({ send }) => {
    t.is((await send('GET', '/healthz')).status, 404);
  });
});

test('an extra route is served behind the password unless it is open', async (t) => {
  const says = (body: string) => (ctx: { body: unknown }) => {
    ctx.body = body;
    return Promise.resolve();
  };
  const extraRoutes = [
    { method: 'POST' as const, path: '/system/alert', handler: says('alert') },
    { method: 'GET' as const, path: '/hello', handler: says('hello'), open: true },
  ];
  await withCredentials((secretMountPath) =>
    withServer(
      namingHandlers(),
      { config: { enableBasicAuth: true, secretMountPath }, options: { extraRoutes } },
      async ({ send }) => {
        t.is((await send('POST', '/system/alert')).status, 401);
        t.is((await send('POST', '/system/alert', {}, { Authorization: basic('admin', 'pass:wörd') })).body, 'alert');
        t.is((await send('GET', '/hello')).body, 'hello');
      },
    ),
  );
});

test("a route of one's own asks for the password with the SDK's check", async (t) => {
  await withCredentials(async (folder) => {
    const check = basicAuth(await readCredentials(folder));
    const handler: Handler = (ctx) => {
      check(ctx);
      ctx.body = 'secret';
      return Promise.resolve();
    };
    const extraRoutes = [{ method: 'GET' as const, path: '/mine', handler }];
    await withServer(namingHandlers(), { options: { extraRoutes } }, async ({ send }) => {
      t.is((await send('GET', '/mine')).status, 401);
      const Authorization = basic('admin', 'pass:wörd');
      t.like(await send('GET', '/mine', undefined, { Authorization }), { status: 200, body: 'secret' });
    });
  });
});
