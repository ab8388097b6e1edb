// Reads TypeScript sources just far enough to check them: code apart from comments and strings, and
// the modules that a file imports. Used by the checks, where a whole parser would be one more tool.

/** Characters after which a slash starts a regular expression and not a division. */
const BEFORE_REGEX =
    /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|await|yield))\s*$/;

/**
 * The code of a source with every comment and the inside of every string turned to blanks; line
 * breaks and offsets stay, and so does the code within `${}` of a template.
 */
export function blank(source) {
    const out = source.split("");
    const wipe = (from, to) => {
        for (let at = from; at < to; at++) if (out[at] !== "\n") out[at] = " ";
    };
    /** Braces open within the code of each template that is not closed yet. */
    const templates = [];
    const wipeTemplateText = (from) => {
        const { end, opensCode } = templateText(source, from);
        wipe(from, end - 1);
        if (opensCode) templates.push(0);
        return end;
    };
    for (let at = 0; at < source.length; ) {
        const token = tokenAt(source, at);
        const depth = templates.at(-1);
        if (token !== undefined) {
            if (token.kind === "string") wipe(at + 1, token.end - 1);
            else wipe(at, token.end);
            at = token.end;
        } else if (source[at] === "`") {
            at = wipeTemplateText(at + 1);
        } else if (source[at] === "}" && depth === 0) {
            templates.pop();
            at = wipeTemplateText(at + 1);
        } else {
            if (depth !== undefined && source[at] === "{") templates[templates.length - 1]++;
            if (depth !== undefined && source[at] === "}") templates[templates.length - 1]--;
            at++;
        }
    }
    return out.join("");
}

/** Where a stretch of template text ends: behind its closing quote, or behind a `${`. */
function templateText(source, from) {
    for (let at = from; at < source.length; at++) {
        if (source[at] === "\\") at++;
        else if (source[at] === "`") return { end: at + 1, opensCode: false };
        else if (source.startsWith("${", at)) return { end: at + 2, opensCode: true };
    }
    return { end: source.length + 1, opensCode: false };
}

/** The comment or string that starts at an offset, if one does. */
function tokenAt(source, at) {
    const two = source.slice(at, at + 2);
    if (two === "//") return { kind: "comment", end: endOr(source.indexOf("\n", at), source) };
    if (two === "/*")
        return { kind: "comment", end: endOr(source.indexOf("*/", at + 2) + 2, source, 1) };
    const first = source[at];
    if (first === '"' || first === "'") return quoted(source, at, first);
    if (first === "/" && BEFORE_REGEX.test(source.slice(Math.max(0, at - 40), at)))
        return regex(source, at);
    return undefined;
}

function endOr(end, source, missing = -1) {
    return end === missing ? source.length : end;
}

/** A string on one line; a quote that is never closed (in the text of a page) is no string. */
function quoted(source, from, quote) {
    for (let at = from + 1; at < source.length && source[at] !== "\n"; at++) {
        if (source[at] === "\\") at++;
        else if (source[at] === quote) return { kind: "string", end: at + 1 };
    }
    return undefined;
}

function regex(source, from) {
    let inClass = false;
    for (let at = from + 1; at < source.length && source[at] !== "\n"; at++) {
        if (source[at] === "\\") at++;
        else if (source[at] === "[") inClass = true;
        else if (source[at] === "]") inClass = false;
        else if (source[at] === "/" && !inClass) return { kind: "string", end: at + 1 };
    }
    return undefined;
}

const STATIC_IMPORT = /(?<![\w$.])(import|export)\b([^;"'`()]*?)\bfrom\s*(["'])( *)\3/g;
const BARE_IMPORT = /(?<![\w$.])(?:(import)\s*\(?|(require)\s*\()\s*(["'])( *)\3/g;

/**
 * Modules that a source imports or re-exports, with `line`, whether the import disappears with the
 * types (`import type`), the `word` that begins it and the `clause` up to `from`, if it has one.
 */
export function importsOf(source, code = blank(source)) {
    const found = [];
    const add = (match, word, clause) => {
        const end = match.index + match[0].length - 1;
        const start = code.lastIndexOf(match.at(-2), end - 1) + 1;
        const line = source.slice(0, match.index).split("\n").length;
        const types = clause !== undefined && isTypesOnly(clause);
        found.push({ specifier: source.slice(start, end), line, types, word, clause });
    };
    for (const match of code.matchAll(STATIC_IMPORT)) add(match, match[1], match[2]);
    for (const match of code.matchAll(BARE_IMPORT)) add(match, match[1] ?? match[2], undefined);
    return found;
}

/** Whether everything between `import` and `from` is a type: `type …` or `{ type A, type B }`. */
function isTypesOnly(clause) {
    const text = clause.trim();
    if (/^type\b(?!\s*,)/.test(text)) return true;
    const names = /^\{([^}]*)\}$/.exec(text)?.[1];
    if (names === undefined) return false;
    const each = names.split(",").map((name) => name.trim());
    return each.every((name) => name === "" || /^type\s/.test(name));
}
