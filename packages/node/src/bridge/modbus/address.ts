import { error, hostOf } from "@meterseal/core";
import { DIN_RAIL_MAPS } from "@meterseal/telegram";
import { refuseSecrets } from "../../config/links.ts";

/** Name of a meter's registers: SunSpec, which says itself what it has, or a table of ours. */
export type MapName = "sunspec" | keyof typeof DIN_RAIL_MAPS;

/** Names that `map=` takes. */
export const MAP_NAMES: readonly MapName[] = [
    "sunspec",
    ...(Object.keys(DIN_RAIL_MAPS) as (keyof typeof DIN_RAIL_MAPS)[]),
];

/** Parity of a serial line; most meters for the DIN rail come without one. */
export type Parity = "none" | "even" | "odd";
const PARITIES: readonly Parity[] = ["none", "even", "odd"];

/** Where a Modbus meter is, and how it is read. */
export type ModbusAddress = {
    readonly line:
        | { readonly kind: "tcp" | "rtu+tcp"; readonly host: string; readonly port: number }
        | { readonly kind: "serial"; readonly path: string; readonly parity: Parity };
    /** Address of the device on its line. */
    readonly unit: number;
    readonly map: MapName;
    /** Seconds from one reading to the next. */
    readonly everySeconds: number;
};

/** Port that Modbus has on TCP. */
const PORT = 502;
const UNIT_MAX = 255;
const EVERY_SECONDS = { first: 1, byDefault: 5, last: 3_600 } as const;
const EXPECTED = "tcp://HOST:502, rtu+tcp://HOST:PORT or a serial device, with ?unit=1&map=sunspec";

/**
 * Parses `tcp://HOST:502?unit=1&map=sunspec&every=5`, `rtu+tcp://…` or `/dev/ttyUSB0?map=sdm&parity=even`.
 * @throws MetersealError MS_USAGE
 */
export function parseModbusAddress(text: string): ModbusAddress {
    refuseSecrets(text, "--modbus", "Modbus has none.");
    const [place = "", query = "", ...rest] = text.split("?");
    const fields = new URLSearchParams(query);
    const known = ["unit", "map", "every", "parity"];
    const unknown = [...fields.keys()].find((name) => !known.includes(name));
    if (rest.length > 0 || unknown !== undefined) throw usage(EXPECTED, unknown ?? text);
    const parity = choice(fields, "parity", PARITIES, "none");
    const line = lineOf(place, parity);
    if (line.kind !== "serial" && fields.has("parity"))
        throw usage("parity of a serial device", text);
    return {
        line,
        unit: number(fields, "unit", { first: 0, byDefault: 1, last: UNIT_MAX }),
        map: choice(fields, "map", MAP_NAMES, "sunspec"),
        everySeconds: number(fields, "every", EVERY_SECONDS),
    };
}

function lineOf(place: string, parity: Parity): ModbusAddress["line"] {
    const [, scheme] = /^([a-z+]+):\/\//i.exec(place) ?? [];
    if (scheme === undefined && place !== "") return { kind: "serial", path: place, parity };
    const kind = scheme?.toLowerCase();
    const url = URL.canParse(place) ? new URL(place) : null;
    const isPlain = url !== null && url.hostname !== "" && url.username === "" && url.hash === "";
    const hasPlace = isPlain && (url.pathname === "" || url.pathname === "/");
    if (!hasPlace || (kind !== "tcp" && kind !== "rtu+tcp")) throw usage(EXPECTED, place);
    if (kind === "rtu+tcp" && url.port === "") throw usage("rtu+tcp://HOST:PORT", place);
    const host = hostOf(url);
    return { kind, host, port: url.port === "" ? PORT : Number(url.port) };
}

function choice<T extends string>(
    fields: URLSearchParams,
    name: string,
    names: readonly T[],
    byDefault: T,
): T {
    const text = fields.get(name);
    if (text === null) return byDefault;
    const found = names.find((each) => each === text);
    if (found !== undefined) return found;
    throw usage(`${name}=${names.join("|")}`, text);
}

function number(
    fields: URLSearchParams,
    name: string,
    { byDefault, first, last }: { first: number; byDefault: number; last: number },
): number {
    const text = fields.get(name);
    if (text === null) return byDefault;
    const value = Number(text);
    if (/^\d{1,4}$/.test(text) && value >= first && value <= last) return value;
    throw usage(`${name}=${first} … ${last}`, text);
}

function usage(expected: string, got: string): Error {
    return error("MS_USAGE", { where: "--modbus", expected, got });
}
