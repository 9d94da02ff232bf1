/** Helmet's headers. They are the same for every answer, so Helmet is called only once. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Step } from './chain.js';

export function securityHeaders(): Step {
  const headers = headersOfHelmet();
  return (_req, res, next) => {
    for (const header of headers) res.setHeader(...header);
    next();
  };
}

type Header = Parameters<ServerResponse['setHeader']>;

/** A response without a connection: it only notes the headers that Helmet sets. */
class NotedResponse extends ServerResponse {
  readonly headers: Header[] = [];

  override setHeader(...header: Header): this {
    this.headers.push(header);
    return this;
  }
}

function headersOfHelmet(): readonly Header[] {
  const request = new IncomingMessage(new Socket());
  const response = new NotedResponse(request);
  configured(request, response, () => undefined);
  return response.headers;
}

/** Every script and style comes from this origin. TLS is left to a proxy: no header here may break plain http. */
const configured = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      objectSrc: ["'none'"],
    },
  },
  strictTransportSecurity: false,
  xFrameOptions: { action: 'deny' },
  // Headers for browsers of the past, or without a use here; each would be sent with every answer.
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
});
