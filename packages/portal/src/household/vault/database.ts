/** A store of records in a database of this browser. */
export type Place = {
    readonly database: string;
    readonly store: string;
    /** Properties of the store, where it is not one of named values. */
    readonly options?: IDBObjectStoreParameters;
    /** Property by which records are looked up. */
    readonly index?: string;
};

/** Whether a database was made before; asking makes none. */
export async function isThere({ database }: Place): Promise<boolean> {
    const known = await indexedDB.databases();
    return known.some(({ name }) => name === database);
}

/** Runs one request; resolves when the transaction is over, and what it wrote is on disk. */
export async function inStore<T>(
    { database: name, index, options, store }: Place,
    mode: IDBTransactionMode,
    act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
    const opening = indexedDB.open(name, 1);
    opening.onupgradeneeded = () => {
        const made = opening.result.createObjectStore(store, options);
        if (index !== undefined) made.createIndex(index, index);
    };
    const database = await settled(opening);
    try {
        const transaction = database.transaction(store, mode, { durability: "strict" });
        const done = new Promise<void>((resolve, reject) => {
            transaction.oncomplete = () => resolve();
            transaction.onabort = () => reject(transaction.error);
        });
        const result = await settled(act(transaction.objectStore(store)));
        await done;
        return result;
    } finally {
        database.close();
    }
}

/** Result of a request, or what it failed with. */
export function settled<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}
