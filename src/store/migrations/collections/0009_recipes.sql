-- How a vector was made, beside the model that made it: JSON of its definition, pooling, normalisation.
ALTER TABLE vectors ADD COLUMN recipe TEXT;
