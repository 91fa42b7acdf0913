import type { ExecutionContext } from 'ava';
import { test } from './each-road.ts';
import { call, RawCaller, startCannedFunction, startFront, startFunction, startRawFunction } from './world.ts';

/** A function that answers with the names and values of the headers it was sent. */
async function echoHeaders(t: ExecutionContext) {
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    req.resume().on('end', () => {
      res.setHeader('X-Method', req.method ?? '');
      res.end(JSON.stringify(req.headersDistinct));
    });
  });
  const { port } = await startFront(t, upstreamPort);
  return { port, upstreamPort };
}

type Distinct = Record<string, string[] | undefined>;

test('headers of the connection, and those that Connection names, do not reach the function', async (t) => {
  const { port } = await echoHeaders(t);
  const { body } = await call(port, {
    headers: {
      Connection: 'X-Secret, close',
      'X-Secret': '1',
      'Keep-Alive': 'timeout=9',
      'Proxy-Connection': 'keep-alive',
      'Proxy-Authorization': 'Basic x',
      TE: 'gzip',
      Upgrade: 'h2c',
      'X-Kept': 'yes',
    },
  });
  const headers = JSON.parse(body) as Distinct;
  for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'upgrade']) {
    t.is(headers[name], undefined, name);
  }
  t.deepEqual(headers['x-kept'], ['yes']);
  t.deepEqual(headers.connection, ['keep-alive']);
});

test('the function sees its own address as Host, and where the call came from', async (t) => {
  const { port, upstreamPort } = await echoHeaders(t);
  const headers = JSON.parse((await call(port, { headers: { Host: 'my.host' } })).body) as Distinct;
  t.deepEqual(headers.host, [`127.0.0.1:${upstreamPort}`]);
  t.deepEqual(headers['x-forwarded-host'], ['my.host']);
  t.deepEqual(headers['x-forwarded-for'], ['127.0.0.1']);
  t.deepEqual(headers['x-forwarded-proto'], ['http']);
});

test('what a proxy before us has said of the caller is kept, and the address appended', async (t) => {
  const { port } = await echoHeaders(t);
  const sent = { 'X-Forwarded-For': '10.1.1.1', 'X-Forwarded-Host': 'outer', 'X-Forwarded-Proto': 'https' };
  const headers = JSON.parse((await call(port, { headers: sent })).body) as Distinct;
  t.deepEqual(headers['x-forwarded-for'], ['10.1.1.1, 127.0.0.1']);
  t.deepEqual(headers['x-forwarded-host'], ['outer']);
  t.deepEqual(headers['x-forwarded-proto'], ['https']);
});

test('headers of the connection, and those that Connection names, do not reach the caller', async (t) => {
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 200 OK\r\nConnection: X-Inner, close\r\nX-Inner: 1\r\nKeep-Alive: timeout=1\r\nProxy-Authenticate: Basic\r\n' +
      'Upgrade: h2c\r\nX-Kept: yes\r\nContent-Length: 2\r\n\r\nok',
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
  const head = (await caller.sees('\r\n\r\nok')).toLowerCase();
  t.notRegex(head, /x-inner|proxy-authenticate|upgrade|timeout=1\r|connection: close/);
  t.regex(head, /x-kept: yes/);
});

test("the function's Connection: close does not close the caller's connection", async (t) => {
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
    (socket) => socket.end(),
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  for (let i = 1; i <= 3; i++) {
    caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n');
    await caller.sees(new RegExp(`(\\r\\n\\r\\nok[^]*){${i}}`));
  }
  t.false(caller.socket.readableEnded);
});

test('two Set-Cookie stay two', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (_req, res) =>
    res
      .writeHead(
        200,
        [
          ['Set-Cookie', 'a=1; Path=/'],
          ['Set-Cookie', 'b=2'],
        ].flat(),
      )
      .end(),
  );
  const { port } = await startFront(t, upstreamPort);
  t.deepEqual((await call(port)).headers['set-cookie'], ['a=1; Path=/', 'b=2']);
});

test('bytes 0x80 to 0xff in headers pass unchanged both ways', async (t) => {
  const bytes = Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('');
  let seen = '';
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', (data: Buffer) => {
      seen = data.toString('latin1');
      const reply = `HTTP/1.1 200 OK\r\nX-Bytes: ${bytes}\r\nContent-Disposition: attachment; filename="${bytes}"\r\n`;
      socket.write(`${reply}Content-Length: 4\r\n\r\n\xff\xfe\x80d`, 'latin1');
    }),
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`GET /function/env HTTP/1.1\r\nHost: a\r\nX-Bytes: ${bytes}\r\n\r\n`);
  const reply = await caller.sees('\xff\xfe\x80d');
  t.regex(seen, new RegExp(`x-bytes: ${bytes}\r\n`, 'i'));
  t.true(reply.includes(`X-Bytes: ${bytes}\r\n`));
  t.true(reply.includes(`filename="${bytes}"`));
});

test('64 KiB of headers pass both ways', async (t) => {
  const long = 'v'.repeat(32 * 1024);
  const { port: upstreamPort } = await startFunction(t, (req, res) =>
    res.writeHead(200, { 'X-A': req.headers['x-a'], 'X-B': req.headers['x-b'] }).end(),
  );
  const { port } = await startFront(t, upstreamPort);
  const { status, headers } = await call(port, { headers: { 'X-A': long, 'X-B': long } });
  t.is(status, 200);
  t.is(headers['x-a'], long);
  t.is(headers['x-b'], long);
});

test('control characters in the status text do not reach the caller', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 200 O\x01K\x7f\r\nContent-Length: 2\r\n\r\nok');
  const { port } = await startFront(t, upstreamPort);
  const { status, message, body } = await call(port);
  t.is(status, 200);
  t.is(message, 'OK');
  t.is(body, 'ok');
});

for (const code of ['000', '099', '1', '20', '99999']) {
  test(`the impossible status ${code} is answered 502`, async (t) => {
    const upstreamPort = await startCannedFunction(t, `HTTP/1.1 ${code} Odd\r\nContent-Length: 2\r\n\r\nok`);
    const { port } = await startFront(t, upstreamPort);
    t.is((await call(port)).status, 502);
  });
}

test('an unknown status passes as it is', async (t) => {
  const upstreamPort = await startCannedFunction(t, 'HTTP/1.1 799 Own\r\nContent-Length: 2\r\n\r\nok');
  const { port } = await startFront(t, upstreamPort);
  t.is((await call(port)).status, 799);
});

test('HEAD keeps the length and has no body', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (_req, res) =>
    res.writeHead(200, { 'Content-Length': 12345 }).end(),
  );
  const { port } = await startFront(t, upstreamPort);
  const { headers, body } = await call(port, { method: 'HEAD' });
  t.is(headers['content-length'], '12345');
  t.is(body, '');
});

test('HEAD of a chunked reply has no body', async (t) => {
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n',
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('HEAD /function/env HTTP/1.1\r\nHost: a\r\n\r\nGET /function/.x HTTP/1.1\r\nHost: a\r\n\r\n');
  t.regex(await caller.sees('404 Not Found'), /^HTTP\/1\.1 200 OK\r\n([^\r\n]+\r\n)+\r\nHTTP\/1\.1 404/);
});

for (const status of [204, 304]) {
  test(`${status} has no body and leaves the connection usable`, async (t) => {
    const upstreamPort = await startRawFunction(t, (socket) =>
      socket.on('data', () => socket.write(`HTTP/1.1 ${status} X\r\nETag: "a"\r\n\r\n`)),
    );
    const { port } = await startFront(t, upstreamPort);
    const caller = new RawCaller(t, port);
    caller.send('GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2));
    const text = await caller.sees(new RegExp(`(HTTP/1.1 ${status}[^]*){2}`));
    t.regex(text, new RegExp(`^(HTTP/1\\.1 ${status} [^\\r]*\\r\\n([^\\r\\n]+\\r\\n)+\\r\\n){2}$`));
    t.notRegex(text, /transfer-encoding/i);
  });
}

test('103 before the reply is tolerated', async (t) => {
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  );
  const { port } = await startFront(t, upstreamPort);
  const { status, body } = await call(port);
  t.is(status, 200);
  t.is(body, 'ok');
});

test('trailers pass both ways', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (req, res) => {
    req.resume().on('end', () => {
      res.writeHead(200, { Trailer: 'X-Sum' });
      res.write('body');
      res.addTrailers({ 'X-Sum': `sum of ${req.trailers['x-in']}` });
      res.end();
    });
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(
    'POST /function/env HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-In\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  caller.send('2\r\nhi\r\n0\r\nX-In: 7\r\n\r\n');
  t.regex(await caller.sees(/\r\n0\r\n[^]*\r\n\r\n/), /\r\n4\r\nbody\r\n0\r\nX-Sum: sum of 7\r\n\r\n$/);
});

test('trailers that would frame a message are dropped', async (t) => {
  const upstreamPort = await startCannedFunction(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nHost: b\r\nConnection: close\r\nX-Fine: 1\r\n\r\n',
  );
  const { port } = await startFront(t, upstreamPort);
  const { trailers, body } = await call(port);
  t.is(body, 'ok');
  t.deepEqual({ ...trailers }, { 'x-fine': '1' });
});

test('a caller of HTTP/1.0 gets a reply without chunks', async (t) => {
  const { port: upstreamPort } = await startFunction(t, (_req, res) => {
    res.writeHead(200, { Trailer: 'X-T' });
    res.write('ab');
    res.end('cd');
  });
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send('GET /function/env HTTP/1.0\r\n\r\n');
  await caller.isCut();
  t.regex(caller.text, /\r\n\r\nabcd$/);
  t.notRegex(caller.text, /transfer-encoding|trailer/i);
});

test('names that JavaScript objects are born with are plain headers', async (t) => {
  const { port } = await echoHeaders(t);
  const caller = new RawCaller(t, port);
  caller.send(
    'GET /function/env HTTP/1.1\r\nHost: a\r\n__proto__: x\r\nconstructor: y\r\ntoString: z\r\nX-Kept: 1\r\n\r\n',
  );
  t.regex(await caller.sees(/"x-kept":\["1"\][^]*\}/), /^HTTP\/1\.1 200/);
});

test('bytes 0x80 to 0xff in headers pass unchanged both ways when the bodies come late', async (t) => {
  const bytes = Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('');
  let seen = '';
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', (data: Buffer) => {
      seen += data.toString('latin1');
      if (seen.endsWith('body')) socket.write('answer');
      else if (seen.endsWith('\r\n\r\n'))
        socket.write(`HTTP/1.1 200 OK\r\nX-Bytes: ${bytes}\r\nContent-Length: 6\r\n\r\n`, 'latin1');
    }),
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\nX-Bytes: ${bytes}\r\nContent-Length: 4\r\n\r\n`);
  const head = await caller.sees('\r\n\r\n');
  t.true(head.includes(`X-Bytes: ${bytes}\r\n`));
  t.regex(seen, new RegExp(`x-bytes: ${bytes}\r\n`, 'i'));
  caller.send('body');
  await caller.sees('answer');
});

test('bytes above 0x7f in Content-Disposition pass unchanged both ways behind Content-Length', async (t) => {
  const header = 'Content-Length: 4\r\nContent-Disposition: attachment; filename="\xc3\xa9.pdf"\r\n';
  let seen = '';
  const upstreamPort = await startRawFunction(t, (socket) =>
    socket.on('data', (data: Buffer) => {
      seen += data.toString('latin1');
      if (seen.endsWith('body')) socket.write(`HTTP/1.1 200 OK\r\n${header}\r\ndone`, 'latin1');
    }),
  );
  const { port } = await startFront(t, upstreamPort);
  const caller = new RawCaller(t, port);
  caller.send(`POST /function/env HTTP/1.1\r\nHost: a\r\n${header}\r\nbody`);
  t.true((await caller.sees('done')).includes('filename="\xc3\xa9.pdf"\r\n'));
  t.true(seen.includes('filename="\xc3\xa9.pdf"\r\n'));
});
