/** What the rules ask of a table by names: a Map is one, and so is what keeps its values packed. */
export interface Table<Value> {
    readonly size: number;
    has(name: string): boolean;
    /** Value of a name, which a change of leaves the table as it is; undefined where there is none. */
    get(name: string): Value | undefined;
    set(name: string, value: Value): unknown;
    keys(): Iterable<string>;
    values(): Iterable<Value>;
    [Symbol.iterator](): Iterator<[string, Value]>;
}
