package acceptance;

/** One named expectation on the broker. */
record Check(String name, Body body) {
    /** What a check does; any throwable is a failure. */
    interface Body {
        void run() throws Exception;
    }
}
