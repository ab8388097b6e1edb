const LOCALE = "en-GB";

const integer = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const exactKwh = new Intl.NumberFormat(LOCALE, {
    minimumFractionDigits: 3,
    maximumFractionDigits: 3,
});
const percent = new Intl.NumberFormat(LOCALE, {
    style: "percent",
    maximumFractionDigits: 1,
});

/** A count with separators. */
export function formatCount(count: number): string {
    return integer.format(count);
}

/** A count and its noun: the plural is the singular with an s unless given. */
export function formatCounted(count: number, singular: string, plural = `${singular}s`): string {
    return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** Watt-hours as kWh to the last watt-hour, without the unit. */
export function formatKwh(wh: bigint): string {
    return exactKwh.format(Number(wh) / 1000);
}

/** A share 0 … 1; what is not whole never shows as 100 %, nor what is not nothing as 0 %. */
export function formatShare(share: number): string {
    if (share > 0.999 && share < 1) return "over 99.9%";
    if (share > 0 && share < 0.001) return "under 0.1%";
    return percent.format(share);
}

/** A number of bytes, for people. */
export function formatBytes(bytes: number): string {
    return bytes < 1e6 ? `${integer.format(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

const dateFormats = new Map<string, Intl.DateTimeFormat>();

/** Format in a zone; in UTC, and saying so, where the browser does not know the zone. */
function dateFormat(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    try {
        return new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: zone });
    } catch {
        const fallback = { ...options, timeZone: "UTC", timeZoneName: "short" } as const;
        return new Intl.DateTimeFormat(LOCALE, fallback);
    }
}

/**
 * An instant in a zone.
 * @param unix - seconds since 1970.
 */
export function formatDate(
    unix: number,
    zone: string,
    options: Intl.DateTimeFormatOptions,
): string {
    const key = `${zone} ${JSON.stringify(options)}`;
    let format = dateFormats.get(key);
    if (format === undefined) {
        format = dateFormat(zone, options);
        dateFormats.set(key, format);
    }
    return format.format(unix * 1000);
}

/** Date and time of day of an instant in a zone, such as `1 Feb 2013, 00:00`. */
export function formatMoment(unix: number, zone: string): string {
    return formatDate(unix, zone, {
        day: "numeric",
        month: "short",
        year: "numeric",
        hour: "2-digit",
        minute: "2-digit",
    });
}

/** Time of day of an instant in a zone, such as `17:30`; with the zone's short name where asked. */
export function formatTime(unix: number, zone: string, withZone = false): string {
    return formatDate(unix, zone, {
        hour: "2-digit",
        minute: "2-digit",
        ...(withZone ? { timeZoneName: "short" } : {}),
    });
}

/** First digits of a long hexadecimal name. */
export function shortHex(hex: string, digits = 8): string {
    return hex.length <= digits ? hex : `${hex.slice(0, digits)}…`;
}

/** Hexadecimal text in groups of four digits, so that a reader keeps their place. */
export function groupHex(hex: string): string {
    return hex.replace(/(.{4})(?=.)/g, "$1 ");
}
