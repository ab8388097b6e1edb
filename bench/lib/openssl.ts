import { execFile } from "node:child_process";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { CORES } from "./machine.ts";

/** P-256 verifications a second over all cores, by the clock, and who measured them. */
export type VerifyLimit = { readonly perS: number; readonly source: string };

const RATES = /ecdsa \(nistp256\)\s+\S+s\s+\S+s\s+\S+\s+([\d.]+)/;

/**
 * The physical limit of one signature per record: `openssl speed -elapsed`, so that other programs
 * slow both sides alike; without the program, node:crypto in one worker per core.
 */
export async function measureVerifyLimit(): Promise<VerifyLimit> {
    try {
        const { stdout } = await promisify(execFile)("openssl", [
            ...["speed", "-elapsed", "-seconds", "1", "-multi", String(CORES), "ecdsap256"],
        ]);
        const rate = Number(RATES.exec(stdout)?.[1]);
        if (rate > 0) return { perS: rate, source: `openssl speed -multi ${CORES}` };
    } catch {
        // no such program here
    }
    const rates = await Promise.all(Array.from({ length: CORES }, workerRate));
    const perS = rates.reduce((sum, rate) => sum + rate, 0);
    return { perS, source: `node:crypto in ${CORES} workers` };
}

/** P-256 verifications a CPU-second of one thread, by the library that Node carries. */
export function verifyPerCpuSecond(): number {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const message = new Uint8Array(200).fill(7);
    const signature = sign("sha256", message, privateKey);
    const started = process.cpuUsage();
    let count = 0;
    let spent = 0;
    while (spent < 500_000) {
        for (let i = 0; i < 100; i++) verify("sha256", message, publicKey, signature);
        count += 100;
        const { system, user } = process.cpuUsage(started);
        spent = system + user;
    }
    return count / (spent / 1e6);
}

const WORKER = `
const { generateKeyPairSync, sign, verify } = require("node:crypto");
const { parentPort } = require("node:worker_threads");
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const message = new Uint8Array(200).fill(7);
const signature = sign("sha256", message, privateKey);
const start = performance.now();
let count = 0;
while (performance.now() - start < 1000) {
    for (let i = 0; i < 100; i++) verify("sha256", message, publicKey, signature);
    count += 100;
}
parentPort.postMessage(count / ((performance.now() - start) / 1000));
`;

function workerRate(): Promise<number> {
    return new Promise((resolve, reject) => {
        const worker = new Worker(WORKER, { eval: true });
        worker.once("message", resolve);
        worker.once("error", reject);
    });
}
