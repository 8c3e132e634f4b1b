import { type Guess, guess, type UsualSeries } from './guess.ts';

/** Names and labels as the libraries' sources have them. None of their usual histograms has a bucket that ends at 200 ms. */
const LIBRARIES: Readonly<Record<string, UsualSeries>> = {
  'express-prom-bundle': {
    requests: 'http_request_duration_seconds_count',
    status: 'status_code',
    duration: 'http_request_duration_seconds',
  },
  'fastify-metrics': {
    requests: 'http_request_duration_seconds_count',
    status: 'status_code',
    duration: 'http_request_duration_seconds',
  },
  'prometheus-fastapi-instrumentator': {
    requests: 'http_requests_total',
    status: 'status',
    duration: 'http_request_duration_highr_seconds',
  },
  'starlette-exporter': {
    requests: 'starlette_requests_total',
    status: 'status_code',
    duration: 'starlette_request_duration_seconds',
  },
  'prometheus-flask-exporter': {
    requests: 'flask_http_request_total',
    status: 'status',
    duration: 'flask_http_request_duration_seconds',
  },
};

/** What an app that stands on one of these libraries probably counts itself; undefined where it stands on none. */
export function usualSeries(from: (library: string) => string | undefined): Guess<UsualSeries> | undefined {
  for (const [library, series] of Object.entries(LIBRARIES)) {
    const found = from(library);
    if (found !== undefined) return guess(series, found);
  }
  return undefined;
}
