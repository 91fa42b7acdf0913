/** A label or annotation that berth knows. */
export interface KnownSetting {
  kind: 'labels' | 'annotations';
  name: string;
  /** What it means. */
  help: string;
  /** All that it can be. */
  values?: string[];
}

const setting =
  (kind: KnownSetting['kind'], prefix: string) =>
  (name: string, help: string, values?: string[]): KnownSetting => ({ kind, name: prefix + name, help, values });

const scale = setting('labels', 'com.openfaas.scale.');
const annotation = setting('annotations', 'com.openfaas.');
const cron = setting('annotations', '');
const yesNo = ['true', 'false'];

function probe(prefix: string, what: string, period: string): KnownSetting[] {
  const own = setting('annotations', `com.openfaas.${prefix}.http.`);
  return [
    own('path', `Path that is asked for ${what}, such as /healthz; /_/health unless given`),
    own('initialDelaySeconds', 'How long after its start it is first asked, such as 2 or 500ms'),
    own('periodSeconds', `How often it is asked (${period})`),
    own('timeoutSeconds', 'How long an answer may take'),
    own('successThreshold', 'Good answers in a row that make it well (1)'),
    own('failureThreshold', 'Bad answers in a row that make it ill (3)'),
  ];
}

/** By what they are about, each with its meaning. */
export const knownSettings: { title: string; settings: KnownSetting[] }[] = [
  {
    title: 'Scaling and sleep',
    settings: [
      scale('min', 'Fewest replicas while awake, and what it starts with (1)'),
      scale('max', 'Most replicas (20)'),
      scale('zero', 'true: no replica while nobody calls it; the next call wakes it', yesNo),
      scale('zero-duration', 'How long without a call before it sleeps (15m)'),
      scale('zero-depth', 'standby: a process waits for its start, and wakes faster; cold: none', ['cold', 'standby']),
      scale(
        'type',
        'Load that sets the replicas: calls a second, calls at once, thousandths of a core, or queued calls',
        ['rps', 'capacity', 'cpu', 'queue'],
      ),
      scale('target', 'Load that one replica is to carry (50)'),
      scale('target-proportion', 'Share of target that is aimed at (0.9)'),
      scale('down.window', 'How long a lower load must last before replicas go, at most 5m'),
      scale('factor', 'Percent of max that an alert of Alertmanager adds (20)'),
    ],
  },
  {
    title: 'Schedule',
    settings: [
      cron('schedule', 'Calls it by itself: */5 * * * *, @hourly or @every 1m30s; several with ; between'),
      cron('timezone', "Such as Europe/Berlin; the host's unless given"),
      cron('schedule.body', 'What it is sent then'),
      cron('schedule.overlap', 'true: also while its last scheduled call runs', yesNo),
      cron('schedule.missed', 'What was due while berth was down: call once, or not at all', ['once', 'none']),
    ],
  },
  {
    title: 'Asynchronous calls',
    settings: [
      annotation('async.concurrency', 'How many are made at once'),
      annotation('async.keep-result', 'true: small answers are kept, to be looked at', yesNo),
      annotation('async.dead-letter', 'Function that is given calls which failed for good'),
      annotation('retry.attempts', 'How often a call is made at most (10)'),
      annotation('retry.codes', 'Statuses that are tried again, such as 429,502,503'),
      annotation('retry.min_wait', 'Shortest pause before the next attempt (10s)'),
      annotation('retry.max_wait', 'Longest pause (120s)'),
    ],
  },
  {
    title: 'Image, network and disk',
    settings: [
      annotation('image.pull-policy', 'When the image is pulled', ['Always', 'IfNotPresent', 'Never']),
      annotation('image.pull-secret', 'Secret with the registry logins, a docker config.json'),
      annotation('network.allow', 'What it may reach beyond the internet: functions, host:5432, 172.17.0.0/16'),
      annotation('dns.servers', 'Name servers, 1 to 3 IPv4 addresses'),
      annotation('dns.search', 'Search domains; . for none'),
      annotation('berth.disk-limit', 'Most that a replica may write, such as 2Gi; 0: no limit'),
      annotation('berth.capabilities', 'Linux capabilities, such as NET_RAW'),
    ],
  },
  { title: 'When a replica takes calls', settings: probe('ready', 'readiness', '250ms') },
  { title: 'When a replica is replaced', settings: probe('health', 'health', '10s') },
];

/** Finds the one of a name and, where that matters, a kind. */
export function knownSetting(name: string, kind?: KnownSetting['kind']): KnownSetting | undefined {
  return knownSettings
    .flatMap(({ settings }) => settings)
    .find((known) => known.name === name && (kind === undefined || known.kind === kind));
}
