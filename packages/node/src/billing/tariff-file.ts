import { readFileSync, statSync } from "node:fs";
import { error, LIMITS, unwrap } from "@meterseal/core";
import { parseTariffText, type TariffBody } from "@meterseal/tariff";
import { LineCounter, parseDocument } from "yaml";
import { reasonOf } from "../files.ts";

/**
 * Reads a tariff as people write it, YAML or JSON. Every number stays the text that it is in the file.
 * @throws MetersealError MS_NOT_FOUND; MS_TARIFF with the line for what is not YAML, or the field.
 */
export function readTariffFile(path: string): TariffBody {
    const lines = new LineCounter();
    const document = parseDocument(readText(path), {
        lineCounter: lines,
        schema: "failsafe",
        stringKeys: true,
        prettyErrors: false,
    });
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) {
        const where = `${path}, line ${lines.linePos(problem.pos[0]).line}`;
        throw error("MS_TARIFF", { where, got: problem.message });
    }
    return unwrap(parseTariffText(document.toJS()));
}

function readText(path: string): string {
    try {
        const { size } = statSync(path);
        if (size > LIMITS.tariffCharacters) {
            const expected = `at most ${LIMITS.tariffCharacters} characters`;
            throw error("MS_TARIFF", { where: path, expected, got: `${size}` });
        }
        return readFileSync(path, "utf8");
    } catch (cause) {
        if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
        const expected = "a readable tariff file";
        throw error("MS_NOT_FOUND", { where: path, expected, got: reasonOf(cause), cause });
    }
}
