//! Migrations, views, reports, the store client and the embedded engine. The only place that knows ClickHouse.
