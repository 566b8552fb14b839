//! Takes events and bundles over HTTP and makes them durable before it says so.
