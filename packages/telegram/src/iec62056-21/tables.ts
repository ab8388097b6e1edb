/** Longest readout that is read, bytes. */
export const READOUT_BYTES = 32_768;
/** Most data sets of one readout. */
export const READOUT_SETS = 2048;

/** Control characters of ISO 646 that frame a readout (IEC 62056-21 section 5.6). */
export const CONTROL = { stx: 0x02, etx: 0x03, ack: 0x06 } as const;

/** Addresses whose value is a text although it may consist of digits: serial and error numbers. */
export const READOUT_TEXT =
    /^(?:0-0:96\.(?:1|5|90)\.\d+|0-0:97\.97\.0|1-0:0\.(?:0|2)\.\d+|1-0:9\.(?:20|21)\.0)/;
