import type { Exemption } from '../evidence/decision.ts';
import type { Comparator, Gate, Objective } from '../evidence/objective.ts';
import type { Bytes, Milliseconds } from '../evidence/units.ts';
import type { OwnCache } from './own-cache.ts';
import type { Quantity } from './quantity.ts';

/**
 * What is launched, as holdpoint.yaml describes it: the only thing that the rest of Holdpoint knows of an app. Every
 * capability is optional; `undefined` means that the app does not have it, and the steps about it are not applicable.
 */
export type App = {
  readonly name: string;
  /** Absolute path of the folder that holds holdpoint.yaml. */
  readonly root: string;
  /** Turns a clean copy of the source into what runs. Absent: the source runs as it is. */
  readonly build: readonly Command[];
  /** Debian packages that services, migrations and builds stand on, beside Node. */
  readonly packages: readonly string[];
  /** The app's own tests, run from a clean copy. */
  readonly tests: AppTests | undefined;
  /** None only where the app is observed. */
  readonly services: readonly Service[];
  readonly database: Database | undefined;
  readonly cache: Cache | undefined;
  /** Somebody else's Prometheus, which sees the app's metrics already. Absent: Holdpoint runs one. */
  readonly prometheus: ServerByUrl | undefined;
  /** Somebody else's load balancer before the services of production. Absent: Holdpoint runs one. */
  readonly loadBalancer: ServerByUrl | undefined;
  /** Something else deployed the app: Holdpoint looks at it and changes nothing. Absent: Holdpoint deploys it. */
  readonly observe: Observe | undefined;
  readonly secrets: readonly Secret[];
  /** Other machines that environments may lie on. */
  readonly hosts: readonly (HostSettings & { readonly kind: 'ssh' })[];
  readonly environments: {
    readonly production: EnvironmentSettings;
    readonly staging: EnvironmentSettings | undefined;
  };
  /** The load that the app must carry, and how to send it. Absent: the load checks are not applicable. */
  readonly load: Load | undefined;
  /** How to write through the public interface and read back, for the drills. Absent: drills cannot count lost writes. */
  readonly recorder: Recorder | undefined;
  /** Requests through the load balancer that show that a deployment works. */
  readonly smoke: readonly HttpExpectation[];
  /** What holdpoint.yaml asks of steps, by step id: replaces or adds to the step's own objectives. */
  readonly objectives: readonly AskedObjective[];
  readonly alerts: readonly AlertThreshold[];
  readonly window: MonitoringWindow;
  readonly notifications: readonly Notification[];
  readonly exemptions: readonly Exemption[];
  /** A team's own checks: commands that print what they measured, or modules that return it. */
  readonly checks: readonly OwnCheck[];
  /** Files and folders that are no part of a release, beside what git ignores. */
  readonly ignore: readonly string[];
};

/** A command line as words. Run without a shell. */
export type Command = readonly [program: string, ...args: string[]];

export type AppTests = {
  readonly command: Command;
  /** What must run before the tests in the clean copy (`npm ci`), timed apart from them. */
  readonly prepare: readonly Command[];
  /** Where the tests leave their coverage, relative to the root. */
  readonly coverage:
    | { readonly report: string; readonly format: 'istanbul-summary' | 'lcov' | 'cobertura' }
    | undefined;
  readonly environment: Readonly<Record<string, string>>;
};

export type Service = {
  readonly name: string;
  /** `web`: behind the load balancer. `agent`: no public port. */
  readonly kind: 'web' | 'agent';
  /**
   * Which of people's requests a web service gets: those for these paths and all below them, or the `rest`, which no other
   * has the path of. Of an empty list, and of an agent: none.
   */
  readonly paths: 'rest' | readonly string[];
  readonly source: ServiceSource;
  /**
   * From the built tree: the whole command line, never undefined. From an image: what stands in the place of its CMD,
   * so that its ENTRYPOINT stays in front; undefined leaves both as the image has them.
   */
  readonly command: Command | undefined;
  readonly instances: number;
  /** The environment variable by which the service learns its port. */
  readonly portVariable: string;
  /** The environment variable by which the service learns the address to listen on. */
  readonly hostVariable: string;
  /** The one port that it always listens on, whatever it is told; only where each instance has a network of its own. */
  readonly port: number | undefined;
  readonly environment: Readonly<Record<string, string>>;
  /** Other services that it calls, by the variable that tells the URL; `path` is empty or begins with a slash. */
  readonly addresses: readonly ServiceAddress[];
  /** Is the process alive? Absent: health is unknown. */
  readonly health: HttpExpectation | undefined;
  /** Can it serve, its database included? Absent: readiness is not applicable. */
  readonly readiness: HttpExpectation | undefined;
  /** A new instance has this long to become ready. */
  readonly readyWithin: Milliseconds;
  /** Path of Prometheus metrics; absent: the service has none. */
  readonly metricsPath: string | undefined;
  /** Which of its own series are the golden ones. Absent: the load balancer's log tells. */
  readonly golden: OwnSeries | undefined;
  readonly stop: { readonly signal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'; readonly drain: Milliseconds };
  readonly memory: Bytes;
  /** Folders that outlive an instance, by the environment variable that tells their path. */
  readonly volumes: readonly { readonly name: string; readonly variable: string; readonly file: string | undefined }[];
};

export type ServiceAddress = { readonly variable: string; readonly service: string; readonly path: string };

/** Golden metrics as a service counts them itself. */
export type OwnSeries = {
  /** Counter of answered requests. */
  readonly requests: string;
  /** Its label with the status code (`500`) or class (`5xx`). */
  readonly status: string;
  /** Histogram of response times in seconds, without `_bucket`. */
  readonly duration: string | undefined;
  /** What is no request of people's, by label: scrapes and health checks. */
  readonly except: Readonly<Record<string, readonly string[]>>;
};

/** What a service is made of. */
export type ServiceSource =
  /** The built tree of the app. */
  | { readonly kind: 'tree' }
  | {
      readonly kind: 'image';
      /** `nginx:1.27`, better with its digest. */
      readonly reference: string;
      readonly entrypoint: Command | undefined;
    }
  | {
      readonly kind: 'dockerfile';
      /** Relative to the root. */
      readonly file: string;
      readonly context: string;
      readonly target: string | undefined;
      readonly arguments: Readonly<Record<string, string>>;
      /** In the place of the image's ENTRYPOINT. */
      readonly entrypoint: Command | undefined;
    };

/** A request and what its answer must be: status, type and body, so that a page that answers 200 to anything is seen. */
export type HttpExpectation = {
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly status: number;
  /** Beginning of the content type: `application/json`. */
  readonly contentType: string | undefined;
  /** Text that the body must hold. */
  readonly contains: string | undefined;
};

export type Database = {
  readonly engine: 'postgres';
  readonly managed: { readonly kind: 'by-holdpoint' } | { readonly kind: 'by-url'; readonly url: SecretReference };
  readonly name: string;
  /** The environment variable that carries the path of a file with the URL, or the URL itself. */
  readonly handover: { readonly variable: string; readonly as: 'file' | 'value' };
  readonly migrations:
    | { readonly up: Command; readonly down: Command | undefined; readonly status: Command | undefined }
    | undefined;
  /** Fills an empty database with sample data, for throw-away and staging environments. */
  readonly seed: Command | undefined;
};

/** What is in it may be lost at any time: it is neither backed up nor kept over a restart. */
export type Cache = {
  readonly engine: 'redis';
  readonly managed: OwnCache | { readonly kind: 'by-url'; readonly url: SecretReference };
  /** Further variables, each with the number of the database that its URL leads to. */
  readonly databases: readonly { readonly variable: string; readonly number: number }[];
  readonly handover: { readonly variable: string; readonly as: 'file' | 'value' };
};

/** An http or https server that somebody else runs. */
export type ServerByUrl = {
  /** Without a login and without a slash at its end. */
  readonly url: string;
  /** Absolute path of a file with the certificates of the CA that signed its own; absent: those that Node trusts. */
  readonly caFile: string | undefined;
};

/**
 * A deployment that something else made (a platform, Compose, Kubernetes), as it can be looked at from outside. Nothing
 * changes it: requests are GET and HEAD, and the database is only read, unless `allowWrites`.
 */
export type Observe = ServerByUrl & {
  /** Paths below `url` that say whether the app is well. Empty: health is unknown. */
  readonly health: readonly HttpExpectation[];
  readonly prometheus: ServerByUrl | undefined;
  /** A role that may read is enough. */
  readonly database: SecretReference | undefined;
  readonly allowWrites: boolean;
  /** What to ask Prometheus; an absent query leaves what it would tell to the load balancer's or the client's view. */
  readonly metrics: GoldenQueries;
};

/** PromQL, each of which gives one number at a time. */
export type GoldenQueries = {
  /** Requests a second. */
  readonly requests: string | undefined;
  /** Failed requests a second. No series beside counted requests means none. */
  readonly errors: string | undefined;
  /** P95 of the response time, in seconds. */
  readonly latencyP95: string | undefined;
};

/** Where a secret is to be had. Only the reference is ever stored or printed. */
export type SecretReference =
  | { readonly kind: 'file'; readonly path: string }
  /** A line of a file of `NAME=value` lines. */
  | { readonly kind: 'dotenv'; readonly path: string; readonly variable: string }
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'command'; readonly command: Command };

export type Secret = {
  readonly name: string;
  readonly from: SecretReference | { readonly kind: 'generated'; readonly bytes: number };
  readonly handover: { readonly variable: string; readonly as: 'file' | 'value' };
};

export type EnvironmentSettings = {
  /** The name in the certificate and in URLs. */
  readonly hostname: string;
  /** The load balancer's TLS port on 127.0.0.1. */
  readonly httpsPort: number;
  /** First of a run of ports for everything else of the environment. */
  readonly firstPort: number;
  readonly host: HostSettings;
  /** Absent: `docker` where its engine answers, else `process`. */
  readonly runtime: RuntimeKind | undefined;
};

export type RuntimeKind = 'process' | 'docker';

/** `destination` is what the system's ssh takes: a name of its configuration, or `user@host`. */
export type HostSettings =
  /** `named`: somebody said so, as opposed to nobody having said anything. */
  | { readonly kind: 'local'; readonly named?: true }
  | { readonly kind: 'ssh'; readonly name: string; readonly destination: string };

export type Load = {
  readonly requestsPerMinute: number;
  readonly duration: Milliseconds;
  readonly requests: readonly LoadRequest[];
};

export type LoadRequest = {
  readonly weight: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `{uuid}` and `{n}` are replaced in path, headers and body: a fresh identity and the request's number. */
  readonly body: string | undefined;
};

export type Recorder = {
  /** `{key}` is the identity of the write. */
  readonly write: {
    readonly method: 'POST' | 'PUT';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
  readonly read: {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly foundStatus: number;
    readonly absentStatus: number;
  };
  readonly perSecond: number;
};

/**
 * What a team asks of an objective of a step, beyond or instead of the plan: only what is given changes. Whether there
 * is such a step and objective is the plan's to say.
 */
export type AskedObjective = {
  readonly step: string;
  /** Id of the objective within the step. */
  readonly objective: string;
  readonly comparator?: Comparator;
  /** In its own unit; `quantityIn` turns it into the metric's. */
  readonly threshold?: Quantity;
  readonly gate?: Gate;
  readonly maximumAge?: Milliseconds;
  /** `holdpoint.yaml:41` */
  readonly source: string;
};

/**
 * Fires once the metric was beyond the threshold for `for`: above it, for `certificate-days` below it. Units:
 * `error-rate`, `cpu` and `memory` (of the service's limit) in per cent from 0 to 100, `latency-p95` in milliseconds,
 * `database-connections` as a count, `certificate-days` in days to expiry.
 */
export type AlertThreshold = {
  readonly metric: 'error-rate' | 'latency-p95' | 'cpu' | 'memory' | 'database-connections' | 'certificate-days';
  readonly threshold: number;
  readonly for: Milliseconds;
  readonly severity: 'page' | 'ticket';
};

export type MonitoringWindow = {
  readonly length: Milliseconds;
  /** The steady synthetic load during the window, in requests a minute. */
  readonly requestsPerMinute: number;
  /** What is sent: reads only, because the window watches the production environment. Empty: nothing can be sent. */
  readonly requests: readonly LoadRequest[];
};

export type Notification = { readonly kind: 'webhook'; readonly url: SecretReference | string };

export type OwnCheck = {
  readonly name: string;
  readonly by:
    | { readonly kind: 'command'; readonly command: Command }
    /** Relative to the root: a module whose default export returns what it measured. */
    | { readonly kind: 'module'; readonly path: string };
  readonly timeLimit: Milliseconds;
  readonly objective: Objective;
};
