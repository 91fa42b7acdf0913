import type { BasicAuthCredentials } from '../provider/index.ts';

/** Verbs that a back end may be without: their routes answer 501. */
export type OptionalVerb = 'logs' | 'secrets' | 'namespaces' | 'rollBack' | 'restart' | 'replicas' | 'pulls' | 'host';

/** The API that is tried, and what its back end can run. */
export interface ContractTarget {
  /** Address of the API, such as `http://127.0.0.1:8080`. */
  url: string;
  /** Absent where no password is asked for. */
  credentials?: BasicAuthCredentials;
  /** An image whose functions answer a POST with its body. */
  image: string;
  /** The process that a watchdog in the image starts for each call, such as `cat`; absent where it needs none. */
  envProcess?: string;
  /** Where its functions answer so, `/` unless given. */
  echoPath?: string;
  /** Where its functions write a line of their log that ends with the text; absent where none can be told to. */
  logPath?: (text: string) => string;
  /** Where its functions answer with a file of theirs; absent where none can be told to. */
  filePath?: (path: string) => string;
  /** An image that is in no registry; absent where images are not looked for. */
  missingImage?: string;
  /** Whether a gateway is in front, which wakes what sleeps and creates what is updated before it is there. */
  isGateway?: boolean;
  /** The namespace of functions that say none, `openfaas-fn` unless given. */
  namespace?: string;
  /** What the back end does not have. */
  lacks?: OptionalVerb[];
  /** The longest that a function may take to be ready, and a change to be seen, in milliseconds; 60 000 unless given. */
  patienceMs?: number;
}

/** One thing that every back end does alike. */
export interface ContractCase {
  /** The verb that it is about. */
  verb: string;
  /** What is observed. */
  title: string;
  /**
   * Tries it, and takes away what it made.
   * @throws AssertionError when the back end does something else
   */
  run: () => Promise<void>;
}
