// Names that a TypeScript source exports, and names that it asks other modules for; read from the
// source text, like everything in source.mjs.
import { blank, importsOf } from "./source.mjs";

const DECLARED =
    /^export (?:declare )?(?:abstract )?(?:async )?(function\*?|const|let|class|type|interface) +([\w$]+)/gm;
const LOCAL_LIST = /^export (type )?\{([^}]*)\}(?!\s*from\b)/gm;

/**
 * Bindings of a source: `exports` with name, line and whether it is a type; `imports` with the
 * module's name and the names asked for, `*` for the whole module.
 */
export function bindingsOf(source) {
    const code = blank(source);
    const lineOf = (index) => source.slice(0, index).split("\n").length;
    const exports = [];
    const imports = [];
    for (const { index, 1: kind, 2: name } of code.matchAll(DECLARED))
        exports.push({ name, line: lineOf(index), type: kind === "type" || kind === "interface" });
    for (const { index, 1: type, 2: list } of code.matchAll(LOCAL_LIST))
        for (const each of namesOf(list, type !== undefined))
            exports.push({ name: each.as, line: lineOf(index), type: each.type });
    for (const { clause = "*", line, specifier, word } of importsOf(source, code)) {
        if (word === "require") continue; // modules of ours are imported
        const braces = /\{([^}]*)\}/.exec(clause)?.[1];
        const names = braces === undefined ? [] : namesOf(braces, /^\s*type\b/.test(clause));
        if (word === "export")
            for (const each of names) exports.push({ name: each.as, line, type: each.type });
        const isWhole = clause.includes("*") || (word === "import" && braces === undefined);
        imports.push({ specifier, names: isWhole ? ["*"] : names.map(({ name }) => name) });
    }
    return { exports, imports };
}

/** Names of a list in braces: `a`, `a as b`, `type C`. */
function namesOf(list, allTypes) {
    return list
        .split(",")
        .map((each) => /^\s*(type\s+)?([\w$]+)(?:\s+as\s+([\w$]+))?\s*$/.exec(each))
        .filter((match) => match !== null)
        .map(([, type, name, as]) => ({
            name,
            as: as ?? name,
            type: allTypes || type !== undefined,
        }));
}
