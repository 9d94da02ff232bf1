/** What the user wants to see of a list's addresses, as the page's URL says it. */
export const DEFAULTS = { status: '', risk: '', reason: '', email: '', page: 1, limit: 50 };

export function readWish(parameters) {
  const whole = (name, least, most) => {
    const value = Number(parameters.get(name));
    return Number.isInteger(value) && value >= least && value <= most ? value : DEFAULTS[name];
  };
  const text = (name) => parameters.get(name) ?? '';
  return {
    status: text('status'),
    risk: text('risk'),
    reason: text('reason'),
    email: text('email'),
    page: whole('page', 1, 1e9),
    limit: whole('limit', 1, 500),
  };
}

export const differences = (wish) =>
  Object.fromEntries(Object.entries(wish).filter(([name, value]) => value !== DEFAULTS[name]));

export const isFiltered = ({ status, risk, reason, email }) => Boolean(status || risk || reason || email);

/** Filters of several values are separated by commas. */
export const chosen = (value) => value.split(',').filter(Boolean);

export function toggled(value, one) {
  const all = chosen(value);
  return (all.includes(one) ? all.filter((other) => other !== one) : [...all, one]).join(',');
}
