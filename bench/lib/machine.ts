import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** The machine in general words: what a reader needs to judge a number, and no names. */
export type Machine = {
    readonly cores: number;
    readonly cpu: string;
    readonly memoryGiB: number;
    readonly platform: string;
    readonly node: string;
    readonly openssl: string;
    /** Load average over a minute before the run: other programs disturb the numbers. */
    readonly loadBefore: number;
};

/** Cores that a benchmark may use. */
export const CORES: number = availableParallelism();

/** Describes the machine at hand. */
export function describeMachine(): Machine {
    return {
        cores: CORES,
        cpu: cpus()[0]?.model.trim() ?? "unknown",
        memoryGiB: Math.round(totalmem() / 2 ** 30),
        platform: `${process.platform} ${process.arch}`,
        node: process.versions.node,
        openssl: process.versions.openssl ?? "none",
        loadBefore: Number(loadavg()[0]?.toFixed(2) ?? 0),
    };
}

/** One line about the machine. */
export function formatMachine(machine: Machine): string {
    const { cores, cpu, loadBefore, memoryGiB, node, openssl, platform } = machine;
    return `${cores} cores, ${cpu}, ${memoryGiB} GiB, ${platform}, Node ${node} with OpenSSL ${openssl}, load average ${loadBefore} before`;
}
