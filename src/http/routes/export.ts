/** Exports: all results of a file as a download, streamed at flat memory. */
import type { Express } from 'express';
import { Fault } from '../../errors.js';
import { callerOf } from '../access.js';
import type { HttpDependencies } from '../dependencies.js';
import { attachment, encodeRows, FORMATS } from '../export/encoding.js';
import { RunningExports } from '../export/running-exports.js';
import { sendText } from '../export/send-text.js';
import { exportQuery, idIn, readQuery } from '../parameters.js';

export function exportRoutes(app: Express, { config, guard, rateLimit, store }: HttpDependencies): void {
  const running = new RunningExports(config);
  app.get('/api/files/:fileId/export', async (req, res) => {
    const fileId = idIn(req, 'fileId');
    const { format, status } = readQuery(req, exportQuery);
    await guard.authorize(callerOf(req), 'read', fileId);
    const { contentType, ...encoding } = FORMATS[format];
    const sendHead = async () => {
      // Checked after the first rows are read: a file that was deleted before them must not look like an empty one.
      if ((await store.files.find(fileId)) === null) throw new Fault('file_not_found');
      res.setHeader('Content-Type', contentType);
      res.setHeader('Content-Disposition', attachment(fileId, format));
    };
    if (req.method === 'HEAD') {
      await sendHead();
      res.end();
      return;
    }
    rateLimit.consume(req, res);
    const end = running.begin(rateLimit.callerName(req));
    try {
      const rows = encodeRows(store.results.scan(fileId, { status }), encoding);
      await sendText(res, rows, config.EXPORT_IDLE_MS, sendHead);
    } finally {
      end();
    }
  });
}
