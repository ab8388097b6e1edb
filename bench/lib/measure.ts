/** Middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const upper = sorted[middle] ?? Number.NaN;
    return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** What a piece of work took: seconds of the clock, and CPU-seconds of all threads of this process. */
export type Cost = { readonly wallS: number; readonly cpuS: number };

/** CPU-seconds that this process has used so far, all threads, user and system. */
export function cpuSeconds(): number {
    const { system, user } = process.cpuUsage();
    return (system + user) / 1e6;
}

/** Times one piece of work. */
export async function timed<T>(
    work: () => Promise<T> | T,
): Promise<{ readonly cost: Cost; readonly result: T }> {
    const cpu = cpuSeconds();
    const start = performance.now();
    const result = await work();
    const wallS = (performance.now() - start) / 1000;
    return { cost: { wallS, cpuS: cpuSeconds() - cpu }, result };
}

/** Seconds of CPU per call of a synchronous function, median over rounds of about 50 ms each. */
export function secondsPerCall(rounds: number, work: () => void): number {
    let calls = 1;
    const values: number[] = [];
    for (let round = -2; round < rounds; round++) {
        const start = cpuSeconds();
        for (let i = 0; i < calls; i++) work();
        const spent = (cpuSeconds() - start) / calls;
        if (round >= 0) values.push(spent);
        calls = Math.max(1, Math.ceil(0.05 / Math.max(spent, 1e-9)));
    }
    return median(values);
}

/** CPU-milliseconds of one call, median of three rounds after one that warms up. */
export async function cpuMsPerCall(calls: number, work: () => Promise<unknown>): Promise<number> {
    const values: number[] = [];
    for (let round = -1; round < 3; round++) {
        const { cost } = await timed(async () => {
            for (let i = 0; i < calls; i++) await work();
        });
        if (round >= 0) values.push((cost.cpuS / calls) * 1000);
    }
    return median(values);
}
