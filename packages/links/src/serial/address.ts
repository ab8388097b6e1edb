import { LIMITS } from "@meterseal/core";
import { badOption } from "../meter-options.ts";

/** A serial device, and how it is spoken over. */
export type SerialPlace = {
    /** Path of the device. */
    readonly path: string;
    /** Speed in bits per second; a byte takes ten. */
    readonly baud: number;
    /** Bytes of a whole frame on the line, its end included. */
    readonly mtu: number;
};

const DEFAULT = { baud: 115_200, mtu: 256 } as const;
const BAUD = { least: 300, most: 4_000_000 } as const;
const MTU_LEAST = 32;
const EXPECTED = "serial:///dev/DEVICE?baud=115200&mtu=256";
const BITS_PER_BYTE = 10;

/**
 * Place of an address such as `serial:///dev/ttyUSB0?baud=9600&mtu=51`: 300 … 4,000,000 baud (115,200),
 * frames of 32 … {@link LIMITS.serialFrameBytes} bytes (256).
 * @throws MetersealError MS_USAGE
 */
export function serialPlaceOf(address: string): SerialPlace {
    const url = URL.canParse(address) ? new URL(address) : null;
    const names = [...(url?.searchParams.keys() ?? [])];
    const isPlain = new Set(names).size === names.length && names.every((name) => name in DEFAULT);
    if (url?.protocol !== "serial:" || url.host !== "" || url.hash !== "" || !isPlain)
        throw badOption("url", EXPECTED, address);
    const path = decodedPath(url);
    const numberOf = (name: keyof typeof DEFAULT, least: number, most: number): number => {
        const text = url.searchParams.get(name) ?? `${DEFAULT[name]}`;
        const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
        if (number >= least && number <= most) return number;
        throw badOption(name, `${least} … ${most}`, text);
    };
    if (path === null) throw badOption("url", EXPECTED, address);
    const baud = numberOf("baud", BAUD.least, BAUD.most);
    return { path, baud, mtu: numberOf("mtu", MTU_LEAST, LIMITS.serialFrameBytes) };
}

function decodedPath({ pathname }: URL): string | null {
    try {
        const path = decodeURIComponent(pathname);
        return path.length > 1 && path.startsWith("/") && !path.includes("\0") ? path : null;
    } catch {
        return null; // a percent sign that begins nothing
    }
}

/** Address of a place, without what is as usual. */
export function serialUrlOf({ baud, mtu, path }: SerialPlace): string {
    const words = [
        ...(baud === DEFAULT.baud ? [] : [`baud=${baud}`]),
        ...(mtu === DEFAULT.mtu ? [] : [`mtu=${mtu}`]),
    ];
    const query = words.length === 0 ? "" : `?${words.join("&")}`;
    return `serial://${encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23")}${query}`;
}

/** Time of so many bytes on a line, in milliseconds. */
export function lineMs(lengthBytes: number, { baud }: SerialPlace): number {
    return (lengthBytes * BITS_PER_BYTE * 1_000) / baud;
}
