import { Counter } from 'prom-client';
import { errorBody, html, json } from '../http/response.ts';
import { runService } from '../service.ts';
import { apiRoutes } from './api.ts';
import { loadAssets } from './assets.ts';
import { pageRoutes } from './pages.ts';
import { document, errorPage } from './views.ts';

await runService(
  {
    name: 'dashboard',
    defaults: { port: 3000, poolSize: 10 },
    build({ pool, metrics }) {
      const assets = loadAssets(new URL('../assets/', import.meta.url));
      const layout = { stylesheet: assets.path('style.css'), icon: assets.path('icon.svg') };
      const recorded = new Counter({
        name: 'stockroom_movements_recorded_total',
        help: 'Movements that were recorded, and repeats of one that were recognised by their key',
        labelNames: ['outcome'],
        registers: [metrics.registry],
      });
      recorded.inc({ outcome: 'created' }, 0);
      recorded.inc({ outcome: 'replayed' }, 0);
      return {
        routes: [...apiRoutes(pool, recorded), ...pageRoutes(pool, layout, recorded), ...assets.routes],
        renderError: (error, path) =>
          path.startsWith('/api/')
            ? json(error.status, errorBody(error))
            : html(error.status, document(layout, 'none', error.code, errorPage(error.status, error.message))),
      };
    },
  },
  process.env,
);
