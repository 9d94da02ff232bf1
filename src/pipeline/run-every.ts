/** Does something in every period, the first time now or after one, and never twice at once; until the answer is called. */
export function runEvery(
  periodMs: number,
  action: () => Promise<void>,
  { now = false }: { readonly now?: boolean } = {},
): () => void {
  let isBusy = false;
  const turn = () => {
    if (isBusy) return;
    isBusy = true;
    void action().finally(() => {
      isBusy = false;
    });
  };
  if (now) turn();
  const timer = setInterval(turn, periodMs);
  return () => clearInterval(timer);
}
