import { readFileSync, statSync } from "node:fs";
import { error, LIMITS } from "@meterseal/core";
import { isMap, isScalar, LineCounter, parseDocument, type Scalar } from "yaml";
import { nearestName } from "../cli/nearest.ts";
import { reasonOf } from "../files.ts";
import { SETTING_NAMES, type SettingName } from "./settings.ts";

/** A value of a configuration file, and its place for messages. */
export type FileValue = { readonly value: unknown; readonly where: string };

/**
 * Reads a configuration file: YAML, one mapping of setting names to plain values.
 * @throws MetersealError MS_NOT_FOUND, or MS_CONFIG with line and key for what is not YAML, an
 * unknown or repeated key, or anything that is no plain value.
 */
export function readConfigFile(path: string): Map<SettingName, FileValue> {
    const lines = new LineCounter();
    const document = parseDocument(readText(path), {
        lineCounter: lines,
        schema: "core",
        stringKeys: true,
        prettyErrors: false,
    });
    const at = (offset: number): string => `${path}, line ${lines.linePos(offset).line}`;
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
        throw error("MS_CONFIG", { where: at(problem.pos[0]), got: problem.message });
    }
    const values = new Map<SettingName, FileValue>();
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return values;
    if (!isMap(contents)) {
        const expected = "lines such as 'port: 8480'";
        throw error("MS_CONFIG", { where: at(contents.range[0]), expected });
    }
    for (const { key, value } of contents.items) {
        const { range, value: name } = key as Scalar<string> & { range: [number, number, number] };
        const where = `${at(range[0])}, key '${name}'`;
        if (!isSettingName(name)) throw unknownKey(name, where);
        if (!isScalar(value) || value.value === null || value.anchor !== undefined) {
            throw error("MS_CONFIG", { where, expected: "one plain value" });
        }
        values.set(name, { value: value.value, where });
    }
    return values;
}

function readText(path: string): string {
    const where = path;
    try {
        const { size } = statSync(path);
        if (size > LIMITS.configBytes) {
            const expected = `at most ${LIMITS.configBytes} bytes`;
            throw error("MS_CONFIG", { where, expected, got: `${size}` });
        }
        return readFileSync(path, "utf8");
    } catch (cause) {
        if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
        const expected = "a readable configuration file";
        throw error("MS_NOT_FOUND", { where, expected, got: reasonOf(cause), cause });
    }
}

function isSettingName(name: string): name is SettingName {
    return SETTING_NAMES.some((known) => known === name);
}

function unknownKey(name: string, where: string): Error {
    const nearest = nearestName(name, SETTING_NAMES);
    return error("MS_CONFIG", {
        where,
        expected: `one of ${SETTING_NAMES.join(", ")}`,
        ...(nearest === null ? {} : { todo: `Did you mean '${nearest}'?` }),
    });
}
