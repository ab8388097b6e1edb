import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { LIMITS, toBase64, toHex, unwrap } from "@meterseal/core";
import { type Cohort, cohortHash, parseCohort } from "@meterseal/seal";
import { readBounded, writeJson } from "../files.ts";
import { base64Field, readJson } from "../json-fields.ts";

/** A cohort that a monitor has formed; nobody knows of it before it is published. */
export type Draft = {
    readonly body: Uint8Array;
    readonly cohort: Cohort;
    /** 32 bytes, in hex. */
    readonly hash: string;
};

const FORMAT = "meterseal-cohort/v1";
const directoryOf = (monitorDir: string): string => join(monitorDir, "cohorts");

/** Keeps formed cohorts in a monitor's directory. */
export function keepDrafts(monitorDir: string, bodies: readonly Uint8Array[]): Draft[] {
    mkdirSync(directoryOf(monitorDir), { recursive: true });
    return bodies.map((body) => {
        const draft = draftOf(body);
        const path = join(directoryOf(monitorDir), `${draft.hash}.json`);
        writeJson(path, { format: FORMAT, body: toBase64(body) });
        return draft;
    });
}

/**
 * Formed cohorts of a monitor's directory.
 * @throws MetersealError MS_MALFORMED, MS_COHORT for a file that was altered.
 */
export function readDrafts(monitorDir: string): Draft[] {
    const directory = directoryOf(monitorDir);
    if (!existsSync(directory)) return [];
    const names = readdirSync(directory).filter((name) => name.endsWith(".json"));
    return names.sort().map((name) => {
        const path = join(directory, name);
        const text = readBounded(path, 2 * LIMITS.recordBytes).toString("utf8");
        const shape = { format: FORMAT, max: 2 * LIMITS.recordBytes, where: path };
        return draftOf(unwrap(readJson(text, shape, (fields) => base64Field(fields, "body"))));
    });
}

function draftOf(body: Uint8Array): Draft {
    return { body, cohort: unwrap(parseCohort(body)), hash: toHex(cohortHash(body)) };
}
