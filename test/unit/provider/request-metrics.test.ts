import test from 'ava';
import { namingHandlers, withServer } from './with-server.ts';

/** Asks until the text is there: an answer is counted a moment after its caller has it. */
async function scrape(
  send: (method: string, path: string) => Promise<{ body: string }>,
  wanted: string,
): Promise<string> {
  for (const endsMs = Date.now() + 30_000; ;) {
    const { body } = await send('GET', '/metrics');
    if (body.includes(wanted) || Date.now() > endsMs) return body;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('answers are counted and timed by code, method and route, never by what callers write', async (t) => {
  await withServer(namingHandlers(), {}, async ({ send }) => {
    for (const name of ['a', 'b', 'c']) await send('GET', `/system/function/${name}?usage=1`);
    await send('PUT', '/system/namespace/dev', 'not JSON');
    await send('GET', '/system/unknown');
    await send('GET', '/healthz');
    const counted = 'provider_http_requests_total{code="200",method="GET",path="/system/function"} 3';
    const body = await scrape(send, counted);
    t.true(body.includes(counted), body);
    t.true(body.includes('provider_http_requests_total{code="400",method="PUT",path="/system/namespace"} 1'));
    t.true(
      body.includes(
        'provider_http_request_duration_seconds_bucket{le="0.005",code="200",method="GET",path="/system/function"}',
      ),
    );
    t.true(body.includes('http_requests_total{method="GET",path="/system/function",status="200"} 3'));
    t.true(body.includes('http_request_duration_seconds_count{method="PUT",path="/system/namespace",status="400"} 1'));
    t.false(body.includes('unknown'));
    t.false(body.includes('healthz'));
  });
});
