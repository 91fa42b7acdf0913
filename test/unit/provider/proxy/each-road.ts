import ava, { type ExecutionContext, type Implementation } from 'ava';
import { createFastProxy, createHttpProxy, type Proxy } from '../../../../src/provider/proxy/index.ts';
import { createUnhardenedProxy } from './unhardened-proxy.ts';

/** What every test of this suite knows: the road that it tries. */
export interface RoadContext {
  road: string;
}

export type RoadTest = ExecutionContext<RoadContext>;

/** BERTH_TEST_PROXY takes one road only; `unhardened` is http-proxy as it comes, to see that the tests can fail. */
const only = process.env.BERTH_TEST_PROXY;
const makers: Record<string, () => Proxy> = {
  fast: () => createFastProxy(),
  'http-proxy': () => createHttpProxy(),
  unhardened: createUnhardenedProxy,
};

export const roads = only ? [only] : ['fast', 'http-proxy'];

/** Makes the road that a test tries. */
export function createProxy({ context }: ExecutionContext): Proxy {
  const { road = 'http-proxy' } = context as Partial<RoadContext>;
  const make = makers[road];
  if (!make) throw new Error(`no road is named ${road}`);
  return make();
}

type Register = (title: string, run: Implementation<[], RoadContext>) => void;

function onEachRoad(register: typeof ava | typeof ava.serial): Register {
  return (title, run) => {
    for (const road of roads) {
      register(`${title} [${road}]`, (t) => {
        t.context = { road };
        return (run as (t: RoadTest) => unknown)(t as RoadTest) as void;
      });
    }
  };
}

/** AVA's `test`, for each road in turn. */
export const test = Object.assign(onEachRoad(ava), { serial: onEachRoad(ava.serial) });
