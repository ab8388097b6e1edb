import { readdirSync, readFileSync } from "node:fs";

/** Linux counts the CPU of processes in hundredths of a second, whatever its kernel does inside. */
const TICKS_PER_S = 100;

/**
 * CPU seconds (user and system, all threads) that the descendants of this process have used since they
 * started, by the names of their programs; null where the system has no `/proc`.
 */
export function familyCpu(): ReadonlyMap<string, number> | null {
    const all = processes();
    if (all === null) return null;
    const family = new Set([process.pid]);
    for (let grown = -1; grown !== family.size; ) {
        grown = family.size;
        for (const { parent, pid } of all) if (family.has(parent)) family.add(pid);
    }
    const used = new Map<string, number>();
    for (const { name, pid, seconds } of all) {
        if (pid === process.pid || !family.has(pid)) continue;
        used.set(name, (used.get(name) ?? 0) + seconds);
    }
    return used;
}

type Process = {
    readonly pid: number;
    readonly parent: number;
    readonly name: string;
    readonly seconds: number;
};

function processes(): Process[] | null {
    let names: string[];
    try {
        names = readdirSync("/proc");
    } catch {
        return null;
    }
    return names.flatMap((pid) => {
        if (!/^\d+$/.test(pid)) return [];
        try {
            const [, name = "", rest = ""] =
                /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
            const fields = rest.split(" "); // from the third on (proc(5))
            const ticks = Number(fields[11]) + Number(fields[12]);
            return [
                { pid: Number(pid), parent: Number(fields[1]), name, seconds: ticks / TICKS_PER_S },
            ];
        } catch {
            return []; // it has ended meanwhile
        }
    });
}
