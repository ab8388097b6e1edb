/** Longest telegram that is read, bytes; real ones stay below 2 KiB. */
export const P1_TELEGRAM_BYTES = 8192;
/** Most objects of one telegram. */
export const P1_OBJECTS = 256;

/**
 * Objects whose value is a text although it may consist of digits: serial numbers, messages, codes
 * (DSMR 5.0.2 P1 companion section 6.12, e-MUCS P1 2.1.1, Luxembourg P1 1.1.3).
 */
export const P1_TEXT =
    /^0-\d{1,3}:(?:96\.1\.\d+|96\.13\.\d+|42\.0\.0)$|^1-3:0\.2\.8$|^0-0:96\.1\.4$|^1-0:94\.32\.1$/;

/** Objects whose value is the time of the telegram. */
export const P1_CLOCK = "0-0:1.0.0";

/** Offset from UTC of the P1 countries' standard time (Central European); summer time adds an hour. */
export const P1_STANDARD_OFFSET_SECONDS = 3600;
