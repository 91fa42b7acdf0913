// What callers and functions do to each other on a connection, over TLS. The rest is tried so by hand, a file at a time:
// BERTH_TEST_TLS=1 npx ava test/unit/provider/proxy/hazards-limits.test.ts
import './over-tls.ts';
import './hazards-framing.test.ts';
import './hazards-interim.test.ts';
import './hazards-websocket.test.ts';
