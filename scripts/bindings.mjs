// Names that a TypeScript source exports, and names that it asks other modules for; read from the
// source text, like everything in source.mjs.
import { blank } from "./source.mjs";

const DECLARED =
    /^export (?:declare )?(?:abstract )?(?:async )?(function\*?|const|let|class|type|interface) +([\w$]+)/gm;
/** `import …` or `export …` with names from somewhere; or `export { … }` of the file itself. */
const CLAUSE = /(?<![\w$.])(import|export)\b([^;"'`()]*?)\bfrom\s*(["'])( *)\3/g;
const LOCAL_LIST = /^export (type )?\{([^}]*)\}(?!\s*from\b)/gm;
const WHOLE = /(?<![\w$.])import\s*\(?\s*(["'])( *)\1/g;

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
    for (const match of code.matchAll(CLAUSE)) {
        const [text, word, clause] = match;
        const specifier = stringBefore(source, code, match.index + text.length, match[3]);
        const braces = /\{([^}]*)\}/.exec(clause)?.[1];
        const names = braces === undefined ? [] : namesOf(braces, /^\s*type\b/.test(clause));
        if (word === "export")
            for (const each of names)
                exports.push({ name: each.as, line: lineOf(match.index), type: each.type });
        const isWhole = clause.includes("*") || (word === "import" && braces === undefined);
        imports.push({ specifier, names: isWhole ? ["*"] : names.map(({ name }) => name) });
    }
    for (const match of code.matchAll(WHOLE)) {
        const end = match.index + match[0].length;
        imports.push({ specifier: stringBefore(source, code, end, match[1]), names: ["*"] });
    }
    return { exports, imports };
}

/** The string that ends at an offset. */
function stringBefore(source, code, end, quote) {
    return source.slice(code.lastIndexOf(quote, end - 2) + 1, end - 1);
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
