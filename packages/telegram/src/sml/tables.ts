import type { Unit } from "../value.ts";

/** Longest SML file that is read, bytes; pushes of household meters stay below 1 KiB. */
export const SML_FILE_BYTES = 8192;
/** Deepest nesting of lists; the standard's own messages need six. */
export const SML_DEPTH = 10;
/** Most list entries of one SML file, nested ones included. */
export const SML_ELEMENTS = 4096;

/** Message bodies that are read (BSI TR-03109-1 annex IV, SML 1.05 section 5.1). */
export const SML_BODY = { openResponse: 0x0101, closeResponse: 0x0201, getListResponse: 0x0701 };

/** Units by their DLMS number (IEC 62056-6-2 table 4): the base unit, and a power of ten on it. */
export const SML_UNITS: ReadonlyMap<number, Unit> = new Map([
    [7, "s"],
    [8, "deg"],
    [9, "C"],
    [13, "m3"],
    [14, "m3"],
    [25, "J"],
    [27, "W"],
    [28, "VA"],
    [29, "var"],
    [30, "Wh"],
    [31, "VAh"],
    [32, "varh"],
    [33, "A"],
    [35, "V"],
    [44, "Hz"],
]);
