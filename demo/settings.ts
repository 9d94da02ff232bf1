/** The settings of `npm run demo`. */
import { integerIn, text, yes } from './cli/values.js';
import { FAULT_SETTINGS, WORK_SETTINGS } from './validator/settings.js';

/** Stays text: it is passed on to the gateway. */
function port(value: string): string {
  integerIn(0, 65_535)(value);
  return value;
}

export const GENERAL_SETTINGS = {
  port: {
    variable: 'PORT',
    value: 'port',
    help: 'of the gateway; 0 takes a free one',
    fallback: '3000',
    read: port,
  },
  'data-dir': {
    variable: 'DATA_DIR',
    value: 'path',
    help: "where the gateway's data and its log go",
    fallback: './data/demo',
    read: text,
  },
  addresses: {
    variable: 'DEMO_ADDRESSES',
    value: 'n',
    help: 'in the first file',
    fallback: 5000,
    read: integerIn(1, 100_000),
  },
  verbose: { help: "show the gateway's log", fallback: false, read: yes },
};

export const DEMO_SETTINGS = { ...GENERAL_SETTINGS, ...WORK_SETTINGS, ...FAULT_SETTINGS };
