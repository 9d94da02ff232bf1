const MAX_CHARACTERS = 100;

/**
 * A `Content-Disposition` for a file of any id: plain ASCII for old clients, RFC 8187 for the others. No id gets a path
 * separator, a quote or a leading dot in.
 */
export function attachment(fileId: string, extension: string): string {
  const name = [...fileId.replace(/[/\\]/g, '_').replace(/^\.+/, '_')].slice(0, MAX_CHARACTERS).join('');
  const ascii = name.replace(/[^\w.-]/g, '_');
  return `attachment; filename="${ascii}.${extension}"; filename*=UTF-8''${encoded(`${name}.${extension}`)}`;
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
