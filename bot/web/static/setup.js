// What the server told the page: who acts, the words, the people, the time zone.

const config = JSON.parse(document.body.dataset.config);

export const me = config.me;
// In the demo one says whom one acts as; who is logged in is known by the cookie.
export const asMe = config.login ? {} : { "X-Gengfu-As": config.me };
export const asMeInAddress = config.login ? "" : `?as=${encodeURIComponent(config.me)}`;
export const people = config.people;
export const report = config.report;

// Times are typed in the installation's zone; said where the reader's own clock shows another.
export const elsewhere = Intl.DateTimeFormat().resolvedOptions().timeZone === config.timezone ? "" : config.timezone;

export function word(name, values = {}) {
  const text = config.words[name];
  if (text === undefined) throw new Error(`no word ${name}`);
  return text.replace(/\{(\w+)\}/g, (hole, key) => (key in values ? String(values[key]) : hole));
}

export const nameOf = (person) => (person === "" ? word("bot") : (people[person]?.name ?? person));

const inZone = (options) => new Intl.DateTimeFormat(config.lang, { timeZone: config.timezone, ...options });
const clock = inZone({ hour: "2-digit", minute: "2-digit", hour12: false });
const day = inZone({ month: "long", day: "numeric", weekday: "short" });
const key = inZone({ year: "numeric", month: "2-digit", day: "2-digit" });
const short = inZone({ month: "numeric", day: "numeric" });

export const timeOf = (at) => clock.format(new Date(at));
export const dayKey = (at) => key.format(new Date(at));

export function dayOf(at) {
  if (dayKey(at) === key.format(Date.now())) return word("today");
  if (dayKey(at) === key.format(Date.now() - 86400000)) return word("yesterday");
  return day.format(new Date(at));
}

export const briefly = (at) => (dayKey(at) === key.format(Date.now()) ? timeOf(at) : short.format(new Date(at)));

export function hueOf(text) {
  let sum = 0;
  for (const sign of text) sum = (sum * 31 + sign.codePointAt(0)) % 9973;
  return `hue-${sum % 8}`;
}
