/**
 * Month index 12 · (year − 2000) + month − 1 of a day since 2000-01-01 in the proleptic Gregorian
 * calendar. Counts from 0000-03-01, so that a leap day is the last day of its year.
 */
export function monthOfDay(day: number): number {
    const shifted = day + 730_425;
    const era = Math.floor(shifted / 146_097);
    const dayOfEra = shifted - era * 146_097;
    const leapDays =
        Math.floor(dayOfEra / 1460) -
        Math.floor(dayOfEra / 36_524) +
        Math.floor(dayOfEra / 146_096);
    const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
    const dayOfYear =
        dayOfEra - 365 * yearOfEra - Math.floor(yearOfEra / 4) + Math.floor(yearOfEra / 100);
    const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
    return 12 * (era * 400 + yearOfEra - 2000) + monthFromMarch + 2;
}
