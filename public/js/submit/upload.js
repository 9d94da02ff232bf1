/** Uploads a list. */
import { ApiError, authorized, query } from '../api.js';

/** Not `fetch`: that cannot say how much is sent. `onProgress` gets the share from 0 to 1. */
export function uploadList(content, name, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `api/lists${query({ name })}`);
    for (const [header, value] of Object.entries(authorized())) request.setRequestHeader(header, value);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const answer = parsed(request.responseText);
      if (request.status === 201) return resolve(answer);
      if (request.status === 401) window.dispatchEvent(new Event('verigate:token-wanted'));
      const retryAfter = Number(request.getResponseHeader('retry-after')) || null;
      reject(new ApiError(request.status, answer, retryAfter));
    };
    request.onerror = () => reject(new ApiError(0, { code: 'upload_cut_off' }));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(content);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
