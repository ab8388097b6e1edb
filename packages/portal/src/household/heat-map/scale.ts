/** Classes of energy a day, from little to much; their upper bounds in kWh, the last without one. */
export type HeatScale = { readonly boundsKwh: readonly number[]; readonly decimals: number };

/** Five lightnesses of one hue can be told apart without seeing colours. */
const HEAT_CLASSES = 5;
/** Share of the days that the scale covers evenly; one odd day must not make all others pale. */
const COVERED = 0.95;

/** Even classes in round numbers for the energies of days, in Wh. */
export function heatScale(daysWh: readonly bigint[]): HeatScale {
    const sorted = daysWh.map(Number).sort((a, b) => a - b);
    const high = (sorted[Math.floor((sorted.length - 1) * COVERED)] ?? 0) / 1000;
    const rough = (high === 0 ? 1 : high) / HEAT_CLASSES;
    const exponent = Math.floor(Math.log10(rough));
    const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find(
        (each) => each * 10 ** exponent >= rough,
    );
    const stepKwh = (factor ?? 10) * 10 ** exponent;
    const decimals = Math.max(0, -exponent + (Number.isInteger(factor) ? 0 : 1));
    const boundsKwh = Array.from({ length: HEAT_CLASSES - 1 }, (_, i) => (i + 1) * stepKwh);
    return { boundsKwh, decimals };
}

/** Class of a day's energy, 0 … 4. */
export function heatClass({ boundsKwh }: HeatScale, wh: bigint): number {
    const kwh = Number(wh) / 1000;
    const position = boundsKwh.findIndex((bound) => kwh < bound);
    return position < 0 ? boundsKwh.length : position;
}

/** Names of the classes, such as `under 5`, `5 to 10`, `20 and more`. */
export function heatNames({ boundsKwh, decimals }: HeatScale): readonly string[] {
    const text = boundsKwh.map((bound) => bound.toFixed(decimals));
    return Array.from({ length: HEAT_CLASSES }, (_, i) => {
        if (i === 0) return `under ${text[0]}`;
        if (i === text.length) return `${text.at(-1)} and more`;
        return `${text[i - 1]} to ${text[i]}`;
    });
}
