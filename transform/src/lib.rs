//! Normalises, classifies, and derives attempts, diagnoses and clusters. Data frames in, data frames out.
