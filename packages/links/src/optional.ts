import { error } from "@meterseal/core";

/**
 * Loads a package that only one link needs, and that an installation may lack.
 * @throws MetersealError MS_NOT_FOUND with the command that installs it.
 */
export async function loadOptional<T>(name: string, load: () => Promise<T>): Promise<T> {
    try {
        return await load();
    } catch (cause) {
        const code = cause instanceof Error && "code" in cause ? cause.code : "";
        if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
        const expected = "a package that this link needs";
        const todo = `Run: npm install ${name}`;
        throw error("MS_NOT_FOUND", { where: name, expected, todo, cause });
    }
}
