//! The static files, embedded in the program and addressed by content hash.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// Apache ECharts; empty when the build machine did not have it.
static ECHARTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/echarts.min.js"));

/// One file: name, media type, content.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
}

static ASSETS: [Asset; 7] = [
    Asset {
        name: "app.css",
        media_type: "text/css; charset=utf-8",
        content: concat!(
            include_str!("../assets/base.css"),
            include_str!("../assets/components.css"),
            include_str!("../assets/charts.css")
        )
        .as_bytes(),
    },
    Asset {
        name: "app.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/app.js"),
    },
    Asset {
        name: "charts.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/charts.js"),
    },
    Asset {
        name: "echarts.js",
        media_type: "text/javascript; charset=utf-8",
        content: ECHARTS,
    },
    Asset {
        name: "sql.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/sql.js"),
    },
    Asset {
        name: "upload.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_bytes!("../assets/upload.js"),
    },
    Asset {
        name: "icon.svg",
        media_type: "image/svg+xml",
        content: include_bytes!("../assets/icon.svg"),
    },
];

/// One hash over all files: a new build gives every file a new address.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    for asset in &ASSETS {
        asset.content.hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
});

/// The address of a file.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// Whether the chart library is embedded.
pub(crate) fn has_charts() -> bool {
    !ECHARTS.is_empty()
}

/// `GET /assets/{version}/{name}`.
pub(crate) async fn serve(Path((_version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS
        .iter()
        .find(|asset| asset.name == name && !asset.content.is_empty())
    else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
    ];
    (headers, asset.content).into_response()
}
