/** Counts the lines of a text that are not empty, and those with an @. It pauses often, so that the page stays alive. */
const AT_ONCE_MS = 8;
const LINES_A_LOOK = 2000;

export async function countLines(text) {
  let lines = 0;
  let withAt = 0;
  let from = 0;
  let at = text.indexOf('@');
  let began = performance.now();
  while (from < text.length) {
    const end = ends(text, from);
    if (at !== -1 && at < from) at = text.indexOf('@', from);
    if (hasText(text, from, end)) {
      lines++;
      if (at !== -1 && at < end) withAt++;
    }
    from = end + 1;
    if (lines % LINES_A_LOOK !== 0 || performance.now() - began < AT_ONCE_MS) continue;
    await new Promise((resume) => setTimeout(resume));
    began = performance.now();
  }
  return { lines, withAt };
}

function ends(text, from) {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function hasText(text, from, end) {
  for (let n = from; n < end; n++) if (text.charCodeAt(n) > 32) return true;
  return false;
}
