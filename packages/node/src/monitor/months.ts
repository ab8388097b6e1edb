import { error } from "@meterseal/core";

const MONTH = /^(20\d{2})-(0[1-9]|1[0-2])$/;

/**
 * Month index 12 · (year − 2000) + month − 1 of a text such as 2013-01.
 * @throws MetersealError MS_USAGE.
 */
export function parseMonth(text: string): number {
    const [, year, month] = MONTH.exec(text) ?? [];
    if (year === undefined || month === undefined) {
        throw error("MS_USAGE", { expected: "--month such as 2013-01", got: text });
    }
    return 12 * (Number(year) - 2000) + Number(month) - 1;
}

/** Text of a month index, such as 2013-01. */
export function monthText(month: number): string {
    return `${2000 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}`;
}
